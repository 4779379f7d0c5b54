"""The workspace: people, objects and what happened, in one SQLite file."""
