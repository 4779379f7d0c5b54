"""What monitoring reads of a run: metrics in a file, spans for a collector."""
