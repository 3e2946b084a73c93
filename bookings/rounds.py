"""What a periodic round does for many rows: trouble with one of them keeps none of the others waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import InterfaceError, OperationalError

Row = TypeVar("Row")
log = logging.getLogger("linkpool.rounds")


def for_each(rows: Iterable[Row], act: Callable[[Row], object]) -> int:
    """Call `act`, a transaction of its own, with every row; return how often it gave something.

    Whatever it raises is logged and raised once all the others are done, the first of several; a database that is away
    ends the round at once.
    """
    done, trouble = 0, []
    for row in rows:
        try:
            done += bool(act(row))
        except (InterfaceError, OperationalError):
            raise
        except Exception as error:
            log.exception("trouble with one row of a round", extra={"reason": type(error).__name__, "row": str(row)})
            trouble.append(error)
    if trouble:
        raise trouble[0]
    return done
