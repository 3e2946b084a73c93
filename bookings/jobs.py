"""Background jobs: how verbs enqueue them, and how they are tried again."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, JobDeferrer
from procrastinate.manager import JobManager

# Priorities of jobs; the usual one is 0.
HASTE = 10  # a round of the minute, or what tells of jobs that are late: neither must wait behind them
LEISURE = -5  # it asks an outside company that may let us wait: hundreds of such jobs keep no mail and nobody's link waiting
DATABASE_TROUBLE = (OperationalError, InterfaceError)
_QUEUE = JobManager(DjangoConnector())


class Backoff(BaseRetryStrategy):
    """Try again after `base` seconds, then twice as long each time up to `cap`, ±20 % so that crowds spread out.

    `runs` counts executions, the first one included; `on` are the errors worth another try. Trouble of the database
    always is: it says nothing about the job.
    """

    def __init__(
        self, *, runs: int = 8, base: int = 5, cap: int = 3600, on: tuple[type[Exception], ...] = (Exception,)
    ) -> None:
        self.runs, self.base, self.cap, self.on = runs, base, cap, on

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if job.attempts + 1 >= self.runs or not isinstance(exception, (*self.on, *DATABASE_TROUBLE)):
            return None
        seconds = min(self.cap, self.base * 2**job.attempts) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load only
        return RetryDecision(retry_in={"seconds": max(1, int(seconds))})


# For jobs whose row says when to try again: only a database that was away for a moment must not end them.
WHEN_DATABASE_IS_BACK = Backoff(on=())


def enqueue_once(task: str, *, lock: str = "", wait: timedelta = timedelta(), **arguments: Any) -> None:
    """Enqueue the task unless the same one waits already. Call it after the commit: what waits must see the change.

    `lock` says what is the same where the task alone does not: one job for each row, for instance.
    """
    try:
        with transaction.atomic():
            _defer(task, arguments, queueing_lock=lock or task, **_later(wait))
    except AlreadyEnqueued:
        return
    except ConnectorException as error:
        raise OperationalError("The job could not be stored.") from error


def enqueue(task: str, *, wait: timedelta = timedelta(), priority: int | None = None, **arguments: Any) -> None:
    """Enqueue the task of that name in the current transaction: no commit, no job. It has the task's own priority if none
    is given.

    Verbs name the task instead of importing it, because tasks import verbs. Raises OperationalError when
    the job cannot be stored, as any other write would.
    """
    options: dict[str, Any] = {} if priority is None else {"priority": priority}
    try:
        _defer(task, arguments, **options, **_later(wait))
    except ConnectorException as error:
        raise OperationalError("The job could not be stored.") from error


def _later(wait: timedelta) -> dict[str, Any]:
    return {"schedule_in": {"seconds": int(wait.total_seconds())}} if wait else {}


def _defer(task: str, arguments: dict[str, Any], **options: Any) -> None:
    """Store the job over Django's connection, and so in its transaction, wherever this runs.

    In a worker procrastinate's app has another connector, with connections of its own: a job would start before the
    change that it is about is committed, find nothing, and be there still when that change was undone.
    """
    job = app.configure_task(task, allow_unknown=False, **options).job
    JobDeferrer(job=job, job_manager=_QUEUE).defer(**arguments)
