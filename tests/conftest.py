"""What holds for the whole suite."""

import pytest
from hypothesis import settings

# A machine that is busy, or paused, is no fault of what is tested.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regold", action="store_true", help="rewrite what golden tests compare with")
