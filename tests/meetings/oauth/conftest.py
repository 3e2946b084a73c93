"""A pretend Google on a local port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meetings.doubles.google import GoogleDouble


@pytest.fixture
def google() -> Iterator[GoogleDouble]:
    with GoogleDouble() as double:
        yield double
