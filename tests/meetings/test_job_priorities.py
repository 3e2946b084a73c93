"""Whose turn it is in the queue: what asks a vendor that may hang keeps no mail and nobody's pool link waiting."""

from __future__ import annotations

import pytest
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.jobs import enqueue
from meetings.many import share_out
from meetings.models import Meeting
from meetings.planning import plan_meeting
from meetings.retrying import retry_meeting
from tests.conftest import Drain
from tests.factories import make_link, make_tutor
from tests.meetings.acme import Acme
from tests.meetings.making import lesson, paid_booking, waiting_meeting

pytestmark = pytest.mark.django_db
ROUNDS = ["provision_meetings", "make_way", "end_calls", "carry_on_switches", "watch"]
ASK_VENDORS = ["provision_meeting", "close_room", "carry_on_switch", "give_back", "check_account", "reconcile_rooms"]


def test_link_of_the_pool_is_given_before_vendors_are_asked_whoever_came_first(acme: Acme, drain: Drain):
    make_link()
    at_acme = [plan_meeting(paid_booking(lesson(n), tutor=make_tutor(meeting_provider="acme"))) for n in range(3)]
    in_pool = plan_meeting(paid_booking())
    assert in_pool is not None
    acme.plan = [lambda: ready_before.append(Meeting.objects.get(pk=in_pool.pk).is_ready)] * 3
    ready_before: list[bool] = []

    drain()

    assert ready_before == [True] * len(at_acme)


def test_turn_that_comes_again_is_one_behind_mails_too(acme: Acme):
    waiting = waiting_meeting(provider="acme")
    share_out(waiting.requested_at)
    retry_meeting(waiting.booking)
    enqueue("config.send_mail", mail={})
    jobs = ProcrastinateJob.objects.order_by("-priority", "id").values_list("task_name", flat=True)
    assert jobs[0] == "config.send_mail"
    assert set(jobs[1:]) == {"meetings.provision_meeting"}


def test_rounds_of_the_minute_go_first_and_what_asks_vendors_last():
    usual = app.tasks["config.send_mail"].priority
    assert [name for name in ROUNDS if app.tasks[f"meetings.{name}"].priority <= usual] == []
    assert [name for name in ASK_VENDORS if app.tasks[f"meetings.{name}"].priority >= usual] == []
