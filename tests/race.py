"""Run a function in many real threads at once, each on a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Outcome:
    """What one thread got: its value, or the exception it met."""

    value: Any = None
    error: BaseException | None = None


def race(work: Callable[[int], Any], *, threads: int) -> list[Outcome]:
    """Call `work(0)` … `work(threads - 1)` at the same moment and return what each got, in that order.

    Needs `django_db(transaction=True)`: the threads must see committed rows.
    """
    gate = threading.Barrier(threads)
    outcomes: list[Outcome] = [Outcome()] * threads

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            gate.wait(timeout=30)
            outcomes[number] = Outcome(value=work(number))
        except BaseException as error:
            outcomes[number] = Outcome(error=error)
        finally:
            connection.close()

    runners = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(timeout=300)
    assert not any(runner.is_alive() for runner in runners), "somebody still runs: what the others left cannot be judged"
    return outcomes
