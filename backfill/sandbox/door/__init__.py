"""The door: which path leads where, who may enter, and how it looks on the wire."""
