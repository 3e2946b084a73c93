"""The staff hear once that the coming two weeks need more than 80 % of the links, and once when that is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from meetings import alarms
from meetings.models import Alert
from tests.factories import an_hour, make_link
from tests.meetings.making import waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _staff(settings) -> None:
    settings.ADMINS = [("Root", "root@example.com")]


def look_ahead() -> list[str]:
    """Make the round of the hour; return the subjects of the mails that left."""
    mail.outbox.clear()
    alarms.follow(Alert.Kind.FORECAST, now=timezone.now())
    return [str(letter.subject) for letter in mail.outbox]


def fill(sessions: int, *, days: int) -> None:
    during = an_hour(timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=days))
    for _ in range(sessions):
        waiting_meeting(during)


def test_staff_are_told_once_and_once_when_it_is_over():
    for _ in range(5):
        make_link()
    fill(4, days=10)
    assert look_ahead() == []  # 80 % are not passed yet
    fill(1, days=10)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert look_ahead() == ["[Linkpool] The link pool will be nearly full: 5 of 5 needed"]
        [letter] = mail.outbox
        assert "1 hour needs more than 80 % of them." in letter.body or "2 hours need" in letter.body
        assert "/admin/meetings/meetinglink/forecast/" in letter.body
        for _day in range(3):
            clock.shift(timedelta(days=1))
            assert look_ahead() == []
        make_link()
        make_link()
        assert look_ahead() == ["[Linkpool] All well again: the pool will be nearly full"]
        assert look_ahead() == []


def test_fullest_hour_is_told_in_utc_as_in_the_other_mails_to_the_staff():
    make_link()
    fill(1, days=10)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=10)
    with timezone.override("Asia/Jakarta"):
        look_ahead()
    [letter] = mail.outbox
    assert f"The fullest hour begins: {hour:%-d %B %Y, %H:%M} UTC" in letter.body


def test_what_is_more_than_two_weeks_ahead_is_not_mailed():
    make_link()
    fill(1, days=16)
    assert look_ahead() == []


def test_round_of_the_minute_does_not_look_so_far():
    make_link()
    fill(1, days=10)
    mail.outbox.clear()
    alarms.watch(timezone.now())
    assert not Alert.objects.filter(kind=Alert.Kind.FORECAST).exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_mail():
    make_link()
    fill(1, days=10)
    race(lambda _number: alarms.follow(Alert.Kind.FORECAST, now=timezone.now()), threads=4)
    assert Alert.objects.get(kind=Alert.Kind.FORECAST).mails == 1
