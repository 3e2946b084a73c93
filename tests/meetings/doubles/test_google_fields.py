"""The pretend Google tells only those fields of an answer that were asked for."""

from __future__ import annotations

import pytest

from meetings.doubles.google_books import Refused
from meetings.doubles.google_fields import with_fields

EVENT = {
    "id": "lp1",
    "start": {"dateTime": "x", "timeZone": "UTC"},
    "extendedProperties": {"private": {"key": "K"}, "shared": {}},
}
LIST = {"kind": "calendar#events", "items": [EVENT, {"id": "lp2"}], "nextPageToken": "2"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("", LIST),
        ("nextPageToken", {"nextPageToken": "2"}),
        ("items(id)", {"items": [{"id": "lp1"}, {"id": "lp2"}]}),
        (
            "items(id,start/timeZone,extendedProperties/private)",
            {
                "items": [
                    {"id": "lp1", "start": {"timeZone": "UTC"}, "extendedProperties": {"private": {"key": "K"}}},
                    {"id": "lp2"},
                ]
            },
        ),
    ],
)
def test_answer_has_what_was_asked_for(fields: str, told: object):
    assert with_fields(LIST, fields) == told


@pytest.mark.parametrize("fields", ["items(", "items(id", "items)", ",", "id id", "items/", "items(id)x", "-"])
def test_fields_that_cannot_be_read_are_refused(fields: str):
    with pytest.raises(Refused):
        with_fields(LIST, fields)
