"""Misbehaving on demand: what can go wrong, and which request it meets."""
