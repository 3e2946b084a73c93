"""Named people, and what every test may ask for."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import settings
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.job_context import JobContext
from pytest_django import DjangoDbBlocker

from bookings.models import SessionType, StudentLink, Tutor, User
from tests.factories import make_session_type, make_tutor, make_user
from tests.template import make_template

# A quarter of the usual number, unless a test says more: the whole suite is to be run often.
settings.register_profile("suite", max_examples=25)
settings.load_profile("suite")

Drain = Callable[..., list[tuple[str, str]]]


def pytest_collection_finish() -> None:
    """What is loaded by now stays until the end: the collector of garbage need not walk through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Copy the tests' database instead of migrating it in every process."""
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = make_template()


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Limits counted in one test must not slow another."""
    yield
    cache.clear()


@pytest.fixture
def drain() -> Drain:
    """Run the jobs that are due, in this thread and inside the test's own transaction, with their retry rules.

    Returns (task name, outcome) of each run; outcomes are "succeeded", "todo" (to be tried again) and "failed".
    """

    def run(limit: int = 50) -> list[tuple[str, str]]:
        done: list[tuple[str, str]] = []
        while row := _next_job():
            assert len(done) < limit, "jobs never end"
            done.append((row.task_name, _run_job(row)))
        return done

    return run


def _next_job() -> ProcrastinateJob | None:
    due = ProcrastinateJob.objects.filter(status="todo").exclude(scheduled_at__gt=timezone.now())
    return due.order_by("-priority", "id").first()


def _run_job(row: ProcrastinateJob) -> str:
    task, job = app.tasks[row.task_name], row.procrastinate_job
    context = [JobContext(start_timestamp=0, app=app, job=job, abort_reason=lambda: None)] if task.pass_context else []
    status, at = "succeeded", row.scheduled_at
    try:
        task(*context, **row.args)
    except Exception as error:
        again = task.get_retry_exception(exception=error, job=job)
        status, at = ("todo", again.retry_decision.retry_at) if again else ("failed", at)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = %s, attempts = attempts + 1, scheduled_at = %s WHERE id = %s",
            [status, at, row.pk],
        )
    return status


@pytest.fixture
def ada(db: None) -> Tutor:
    """A tutor who teaches around the clock (UTC) and sells one lesson."""
    tutor = make_tutor(make_user("ada@example.com", full_name="Ada Tutor", time_zone="UTC"), slug="ada")
    make_session_type(tutor, slug="maths", name="Maths lesson")
    return tutor


@pytest.fixture
def maths(ada: Tutor) -> SessionType:
    """Ada's lesson: 60 minutes, Rp150,000."""
    return ada.session_types.get(slug="maths")


@pytest.fixture
def sam(db: None) -> User:
    return make_user("sam@example.com", full_name="Sam Student", time_zone="Asia/Jakarta")


@pytest.fixture
def kim(db: None) -> User:
    return make_user("kim@example.com", full_name="Kim Student", time_zone="Europe/Berlin")


@pytest.fixture
def pat(db: None) -> User:
    """A parent, who pays for others."""
    return make_user("pat@example.com", full_name="Pat Parent", time_zone="Asia/Jakarta")


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.com", "secret-words", full_name="Root Admin")


@pytest.fixture
def desk(root: User) -> Client:
    """The browser of an admin."""
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def leave_to_book() -> Callable[[User, User], StudentLink]:
    """Let the first person book for the second."""

    def link(payer: User, student: User) -> StudentLink:
        return StudentLink.objects.create(
            payer=payer,
            student=student,
            name=student.full_name,
            email=student.email,
            digest=f"{payer.pk}-{student.pk}",
            expires_at=timezone.now(),
            accepted_at=timezone.now(),
        )

    return link
