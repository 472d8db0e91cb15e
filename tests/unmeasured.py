"""Processes that are not measured for coverage."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def unmeasured() -> Iterator[None]:
    """What is started here runs none of the product's code, and would only be slower."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
            environment.delenv(name)
        yield
