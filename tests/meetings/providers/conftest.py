"""Vendors on local ports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meetings.doubles.google import GoogleDouble
from tests.meetings.providers.google_vendor import GoogleVendor


@pytest.fixture
def google() -> Iterator[GoogleVendor]:
    with GoogleDouble() as double:
        yield GoogleVendor(double)
