"""The page: the workspace to look at in a browser; reads only, and runs no script."""

from backfill.sandbox.page.routes import routes

__all__ = ["routes"]
