"""Questions to a job that ran, runs or was stopped: what was refused and why, what became of a row.

Nothing is written and nothing is sent; values of rows are shown as masks only.
"""
