"""Ways to ask the database that more than one question needs."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models
from django.db.models import Q, QuerySet

Found = TypeVar("Found", bound=QuerySet[Any])


def any_of(queryset: Found, *conditions: Q) -> Found:
    """Return the rows that meet one of these conditions, each found by its own index.

    An OR of conditions on several tables would read every row instead.
    """
    rows = queryset.model._default_manager.order_by()
    first, *others = (rows.filter(condition).values("pk") for condition in conditions)
    return queryset.filter(pk__in=first.union(*others))


class Whole(models.Func):
    """True when a range has both ends and some length: an empty range would overlap nothing."""

    template = "(NOT isempty(%(expressions)s) AND NOT lower_inf(%(expressions)s) AND NOT upper_inf(%(expressions)s))"
    output_field = models.BooleanField()
