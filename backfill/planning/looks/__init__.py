"""What is looked for before a run: each module one concern, each class one `Look`."""
