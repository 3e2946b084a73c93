"""What the worker does by itself, and what an operator does from the shell."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.api_keys import digest_key
from bookings.holds import place_hold
from bookings.models import ApiKey, Booking, Order, SessionType, User
from bookings.orders import place_order
from bookings.tasks import expire_unpaid
from tests.factories import tomorrow
from tests.race import race
from tests.workers import take_up_dead_workers_jobs


def _jobs_of_every_minute() -> set[str]:
    return {key[0] for key, one in app.periodic_registry.periodic_tasks.items() if one.cron == "* * * * *"}


def test_every_minute_unpaid_times_are_freed_and_dead_workers_jobs_taken_up():
    assert {"bookings.expire_unpaid", "bookings.take_up_stalled_jobs"} <= _jobs_of_every_minute()


@pytest.mark.defect("CE-29")
@pytest.mark.defect("IT-24")
@pytest.mark.django_db
def test_unpaid_order_and_forgotten_hold_expire_by_themselves(maths: SessionType, sam: User, kim: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(9), student=sam).order)
    forgotten = place_hold(maths, starts_at=tomorrow(11), student=kim)

    expire_unpaid(timestamp=0)
    assert order.bookings.get().is_hold_open
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        expire_unpaid(timestamp=0)

    order.refresh_from_db()
    assert order.status == Order.Status.EXPIRED
    assert {order.bookings.get().status, Booking.objects.get(pk=forgotten.pk).status} == {Booking.Status.EXPIRED}


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_free_at_once_do_no_harm(maths: SessionType, sam: User, kim: User):
    orders = [place_order(place_hold(maths, starts_at=tomorrow(hour), student=sam).order) for hour in range(6)]
    place_hold(maths, starts_at=tomorrow(11), student=kim)
    late = timezone.now() + timedelta(minutes=31)

    with time_machine.travel(late):
        outcomes = race(lambda _number: expire_unpaid(timestamp=0), threads=4)

    assert [one.error for one in outcomes] == [None] * 4
    assert Order.objects.filter(pk__in=[one.pk for one in orders], status=Order.Status.EXPIRED).count() == 6
    assert not Booking.objects.filter(status=Booking.Status.HELD).exists()


@pytest.mark.django_db(transaction=True)
def test_job_of_a_worker_that_died_is_taken_up_again():
    """A worker that is killed leaves its job in "doing" and its heartbeat standing still."""
    app.configure_task("bookings.expire_unpaid").defer(timestamp=0)
    _claim_all_by_a_worker_silent_for("1 minute")

    take_up_dead_workers_jobs()

    assert ProcrastinateJob.objects.get().status == "todo"


@pytest.mark.django_db(transaction=True)
def test_job_of_a_worker_that_died_gives_way_to_the_next_of_its_kind():
    app.configure_task("bookings.expire_unpaid").defer(timestamp=0)
    app.configure_task("config.send_mail").defer(mail={})
    _claim_all_by_a_worker_silent_for("1 minute")
    app.configure_task("bookings.expire_unpaid").defer(timestamp=60)

    take_up_dead_workers_jobs()

    left = ProcrastinateJob.objects.order_by("id").values_list("task_name", "status", "args__timestamp")
    assert list(left) == [("config.send_mail", "todo", None), ("bookings.expire_unpaid", "todo", 60)]


@pytest.mark.django_db(transaction=True)
def test_job_of_a_worker_that_lives_is_left_alone():
    app.configure_task("bookings.expire_unpaid").defer(timestamp=0)
    _claim_all_by_a_worker_silent_for("1 second")

    take_up_dead_workers_jobs()

    assert ProcrastinateJob.objects.get().status == "doing"


def _claim_all_by_a_worker_silent_for(time: str) -> None:
    with connection.cursor() as cursor:
        heartbeat = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval) RETURNING id"
        cursor.execute(heartbeat, [time])
        [worker] = cursor.fetchone()
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', attempts = 1, worker_id = %s", [worker])


def test_command_frees_what_is_unpaid_and_says_how_much(maths: SessionType, sam: User):
    place_hold(maths, starts_at=tomorrow(), student=sam)

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert _printed("expire_unpaid") == "1 freed.\n"
        assert _printed("expire_unpaid") == "0 freed.\n"


@pytest.mark.django_db
def test_api_key_is_printed_once_and_kept_as_a_digest():
    key = _printed("create_api_key", "Calendar", "--scope", "slots").strip()

    row = ApiKey.objects.get()
    assert (row.name, row.scopes, row.digest) == ("Calendar", ["slots"], digest_key(key))
    assert key not in str(ApiKey.objects.values().get())


@pytest.mark.django_db
def test_api_key_without_a_scope_may_do_everything():
    _printed("create_api_key", "Everything")

    assert ApiKey.objects.get().scopes == sorted(ApiKey.Scope.values)


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [["  "], ["x" * 101], ["line\nbreak"], ["Name", "--scope", "everything"]])
def test_api_key_with_a_strange_name_or_scope_is_refused(arguments: list[str]):
    with pytest.raises(CommandError):
        _printed("create_api_key", *arguments)
    assert not ApiKey.objects.exists()


def _printed(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out, stderr=StringIO())
    return out.getvalue()
