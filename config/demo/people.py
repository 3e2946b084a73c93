"""Who is in the demo: an admin, two tutors with what they sell, a student, a parent and a child, a program, the pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Any

from allauth.account.models import EmailAddress

from bookings.api_keys import create_api_key, digest_key
from bookings.models import ApiKey, PromoCode, SessionType, Tutor, User, WeeklyHours
from meetings.models import MeetingLink

PASSWORD = "demo"  # noqa: S105 - known to everybody, and refused with DEBUG off
API_KEY = "demo-service-key"
CURRENCY = "IDR"
CODE = "WELCOME10"

Hours = tuple[range, time, time]


@dataclass(frozen=True)
class Cast:
    """The people of the demo."""

    student: User
    parent: User
    child: User
    maths: Tutor
    languages: Tutor


@dataclass(frozen=True)
class Offer:
    """A session type of the demo; the price is in whole rupiah."""

    slug: str
    name: str
    minutes: int
    price: int
    first_one_free: bool = False


MATHS: dict[str, Any] = {
    "fee_percent": 15,
    "slug": "ratna-wijaya",
    "headline": "Maths and physics, one clear step at a time",
    "bio": (
        "I have taught secondary-school maths for eleven years, first in Bandung and now online.\n\n"
        "We begin with what you already know, find the step that got lost, and practise it until it feels easy. "
        "Bring your homework, a past paper or just a question: the first minutes are yours."
    ),
    "subjects": "Maths, Physics, Exam preparation",
    "time_zone": "Asia/Jakarta",
}
MATHS_OFFERS = [
    Offer("quick-question", "Quick question", 30, 90_000),
    Offer("maths-lesson", "Maths lesson", 60, 165_000),
    Offer("exam-preparation", "Exam preparation", 90, 240_000),
]
MATHS_HOURS: list[Hours] = [
    (range(5), time(9), time(12)),
    (range(5), time(13), time(17)),
    (range(5, 7), time(9), time(12)),
]
LANGUAGES: dict[str, Any] = {
    "slug": "jonas-keller",
    "fee_percent": 10,
    "headline": "German and English for work, study and everyday life",
    "bio": (
        "I grew up between Leipzig and Leeds and have prepared students for Goethe and IELTS exams since 2016.\n\n"
        "My lessons are mostly conversation. After each one you get a page with your words, "
        "your mistakes and one small task."
    ),
    "subjects": "German, English, IELTS",
    "time_zone": "Europe/Berlin",
    "notice_minutes": 180,
    "buffer_after_minutes": 10,
    "slot_step_minutes": 30,
    "daily_limit": 6,
    "approves_first": True,
    "meeting_provider": "sandbox",
}
LANGUAGES_OFFERS = [
    Offer("conversation", "Conversation", 45, 130_000),
    Offer("trial-lesson", "Trial lesson", 30, 80_000, first_one_free=True),
    Offer("german-lesson", "German lesson", 60, 185_000),
    Offer("ielts-preparation", "IELTS preparation", 90, 260_000),
]
LANGUAGES_HOURS: list[Hours] = [
    (range(4), time(9), time(13)),
    (range(4), time(15), time(19, 30)),
    (range(6, 7), time(10), time(14)),
]
LINKS = {
    "https://meet.google.com/kxw-bzqe-hmt": "Room Melati",
    "https://meet.google.com/pva-rjdn-ycu": "Room Kenanga",
    "https://meet.google.com/tqs-wmfo-gie": "Room Anggrek",
}


def make_people() -> Cast:
    """Return the people of the demo; make those who are not there yet."""
    _make_person("admin@example.com", full_name="Maya Santoso", is_staff=True, is_superuser=True)
    maths = _make_person("tutor1@example.com", full_name="Ratna Wijaya", time_zone="Asia/Jakarta")
    languages = _make_person("tutor2@example.com", full_name="Jonas Keller", time_zone="Europe/Berlin")
    return Cast(
        student=_make_person("student@example.com", full_name="Dimas Pratama", time_zone="Asia/Jakarta"),
        parent=_make_person("parent@example.com", full_name="Sari Lestari", time_zone="Asia/Jakarta"),
        child=_make_person("child@example.com", full_name="Raka Lestari", time_zone="Asia/Jakarta"),
        maths=_make_tutor(maths, MATHS, MATHS_OFFERS, MATHS_HOURS),
        languages=_make_tutor(languages, LANGUAGES, LANGUAGES_OFFERS, LANGUAGES_HOURS),
    )


def make_api_key() -> None:
    """Make the key of the demo once. A key that somebody revoked stays revoked."""
    if not ApiKey.objects.filter(digest=digest_key(API_KEY)).exists():
        create_api_key("Demo program", scopes=list(ApiKey.Scope.values), key=API_KEY)


def make_code() -> None:
    """Make the promo code of the demo; one that somebody edited or switched off stays so."""
    note = "Ten percent off, once for each person."
    PromoCode.objects.get_or_create(code=CODE, defaults={"kind": PromoCode.Kind.PERCENT, "percent": 10, "note": note})


def make_links() -> list[MeetingLink]:
    """Return the pool of the demo; links that are missing are added, none is opened again."""
    return [MeetingLink.objects.get_or_create(url=url, defaults={"label": label})[0] for url, label in LINKS.items()]


def _make_person(email: str, **fields: Any) -> User:
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, PASSWORD, **fields)
    if not EmailAddress.objects.filter(user=user).exists():  # without it the log-in asks for verification
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _make_tutor(user: User, about: dict[str, Any], offers: list[Offer], hours: list[Hours]) -> Tutor:
    """A tutor who is there already keeps hours and prices, unless nothing is left of them."""
    tutor, _made = Tutor.objects.get_or_create(user=user, defaults={**about, "is_approved": True})
    for offer in offers:
        SessionType.objects.get_or_create(
            tutor=tutor,
            slug=offer.slug,
            defaults={
                "name": offer.name,
                "minutes": offer.minutes,
                "price": offer.price,
                "currency": CURRENCY,
                "first_one_free": offer.first_one_free,
            },
        )
    if not tutor.weekly_hours.exists():
        WeeklyHours.objects.bulk_create(
            WeeklyHours(tutor=tutor, weekday=day, starts=starts, ends=ends) for days, starts, ends in hours for day in days
        )
    return tutor
