"""The page: the workspace to look at in a browser."""
