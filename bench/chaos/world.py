"""The site before it begins: tutors with their hours, students who are logged in, and a pool in which all lessons fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from bench.chaos.plan import Case, Slot, everybody, hours_needed
from bookings.api_keys import create_api_key
from bookings.models import ApiKey, SessionType, Tutor, User, WeeklyHours
from meetings.models import MeetingLink

API_KEY = "lp_only-for-the-chaos-run"
MINUTES = 50  # with the rest of 10 minutes a link is taken for exactly an hour
FIRST_PRICE, NEXT_PRICE = 120_000, 1_700  # each tutor another: one order's money must not pass for another's


@dataclass(frozen=True)
class World:
    """What the payers need to know of the site."""

    first_hour: datetime

    def starts_at(self, slot: Slot) -> datetime:
        return self.first_hour + timedelta(hours=slot.hour)

    def wish(self, slot: Slot) -> dict[str, str]:
        """Return the slot as the API takes it."""
        return {"tutor": f"tutor-{slot.tutor}", "session_type": "lesson", "start": self.starts_at(slot).isoformat()}


def email_of(case: Case) -> str:
    return f"payer{case.number}@example.com"


def session_key_of(case: Case) -> str:
    return f"chaos{case.number:027d}"


def build_world(cases: Sequence[Case], *, tutors: int) -> World:
    """Make everything that the plan needs. The first hour that is sold is four hours away."""
    now = timezone.now()
    first_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=5)
    days = 2 + (hours_needed(list(cases)) + 5) // 24
    _make_tutors(tutors, horizon_days=days)
    links = [MeetingLink(url=f"https://meet.example/{number}", label=f"Room {number}") for number in range(tutors)]
    MeetingLink.objects.bulk_create(links)
    _make_students(everybody(list(cases)), now)
    create_api_key("Chaos", scopes=[ApiKey.Scope.CHECKOUT], key=API_KEY)
    return World(first_hour)


def _make_tutors(count: int, *, horizon_days: int) -> None:
    for number in range(count):
        user = User.objects.create(email=f"tutor{number}@example.com", password="!", full_name=f"Tutor {number}")
        tutor = Tutor.objects.create(
            user=user, slug=f"tutor-{number}", is_approved=True, time_zone="UTC", notice_minutes=0, horizon_days=horizon_days
        )
        WeeklyHours.objects.bulk_create(
            WeeklyHours(tutor=tutor, weekday=day, starts=time(0), ends=time(0)) for day in range(7)
        )
        price = FIRST_PRICE + number * NEXT_PRICE
        SessionType.objects.create(tutor=tutor, slug="lesson", name="Lesson", minutes=MINUTES, price=price)


def _make_students(cases: Sequence[Case], now: datetime) -> None:
    people = [User(email=email_of(case), password="!", full_name=f"Payer {case.number}") for case in cases]
    User.objects.bulk_create(people)
    store = SessionStore()
    Session.objects.bulk_create(
        Session(
            session_key=session_key_of(case),
            session_data=store.encode({
                SESSION_KEY: str(person.pk),
                BACKEND_SESSION_KEY: "allauth.account.auth_backends.AuthenticationBackend",
                HASH_SESSION_KEY: person.get_session_auth_hash(),
            }),
            expire_date=now + timedelta(days=1),
        )
        for case, person in zip(cases, people, strict=True)
    )  # fmt: skip
