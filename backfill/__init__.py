"""Moves historical records from files into a Customer.io workspace through the Track API v2."""
