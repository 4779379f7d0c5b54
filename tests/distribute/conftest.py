"""A store for the tests that read from one."""

from tests.stores.conftest import store

__all__ = ["store"]
