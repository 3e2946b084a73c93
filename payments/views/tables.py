"""Answer a table as CSV that spreadsheets read as it is meant."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def answer_table(name: str, heads: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Answer UTF-8 with a mark that tells Excel so. Numbers stay numbers; times are ISO 8601 in the reader's zone.

    A text that a spreadsheet would take for a formula is kept a text by a leading quote.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8", headers=headers)
    table = csv.writer(answer)
    table.writerow([str(head) for head in heads])
    table.writerows([_cell(value) for value in row] for row in rows)
    return answer


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if not isinstance(value, str):
        return "" if value is None else value
    return f"'{value}" if value.startswith(FORMULA) else value
