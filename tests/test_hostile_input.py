"""Whatever is sent to the site, the answer is a sentence: never a 500, never a stack trace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import Any

import pytest
from django.test import Client

from bookings.models import Booking, Tutor, User, WeeklyHours
from tests.factories import (
    an_hour,
    make_booking,
    make_meeting,
    make_payment,
    make_session_type,
    make_tutor,
    make_user,
    tomorrow,
)
from tests.requests_made import ask

ODD = [
    "",
    "\0",
    "a\0b",
    "'\"<script>",
    "٣",
    "-1",
    "0",
    "9" * 30,
    "9" * 5000,
    "1e309",
    "NaN",
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "2026-02-30",
    "2026-03-01T09:00:00",
    "../../etc/passwd",
    "{{7*7}}%s%(x)s{0}",
    "\u202eevil",
    "\ufffd",
    "x" * 20_000,
]
WORST = ["a\0b", "9" * 30, "x" * 20_000]  # what a field of text may let through to the database
ASKED = {
    "/": ["q", "page"],
    "/tutors/ada/": ["type", "from", "slot", "for"],
    "/tutors/bea/request/": ["session_type", "starts_at", "for"],
    "/bookings/{asked}/request/propose/": ["from", "starts_at"],
    "/teaching/": ["week", "month"],
    "/bookings/": ["show", "page"],
    "/payments/": ["year", "page"],
    "/payments/table.csv": ["year"],
    "/orders/{order}/": ["back"],
    "/bookings/{paid}/move/": ["from", "starts_at"],
    "/admin/bookings/booking/{paid_key}/move/": ["from"],
    "/orders/{order}/state/": ["seen"],
    "/teaching/why/": ["session_type", "date", "time"],
    "/connections/zoom/callback": ["state", "code", "error"],
    "/admin/meetings/videoconnection/": ["q", "status__exact", "p", "o"],
    "/admin/meetings/providerswitch/": ["q", "p", "o"],
    "/accounts/login/": ["next"],
    "/admin/bookings/booking/gift/": ["student", "session_type", "date", "time"],
    "/admin/bookings/promocode/": ["q", "state", "tutor", "kind__exact", "p", "o"],
    "/admin/bookings/promocode/add/": ["code", "kind", "amount", "tutor"],
    "/admin/bookings/sessiontype/": ["q", "tutor", "p"],
    "/admin/bookings/booking/": ["q", "tutor", "day", "status__exact", "p", "o"],
    "/admin/payments/payment/": ["q", "status__exact", "p", "o"],
    "/admin/payments/webhookevent/": ["q", "state__exact", "p"],
    "/admin/meetings/meeting/": ["q", "status__exact", "p", "o"],
    "/admin/meetings/meetinglink/": ["q", "status__exact", "p"],
    "/admin/meetings/meetinglink/forecast/": ["days"],
    "/admin/procrastinate/procrastinatejob/": ["q", "status__exact", "p"],
}
SENT = {
    "/tutors/ada/hold/": {"session_type": "maths", "starts_at": "2026-12-01T10:00:00Z", "for": ""},
    "/tutors/bea/request/": {"session_type": "maths", "starts_at": "2026-12-01T10:00:00Z", "message": "Hello", "code": "A"},
    "/bookings/{asked}/request/propose/": {"starts_at": "2026-12-01T10:00:00Z", "message": "Hello"},
    "/bookings/{asked}/request/decline/": {"why": ""},
    "/checkout/": {"gateway": "sandbox", "expected_total": "150000", "cart": ""},
    "/cart/code/": {"code": "SUMMER"},
    "/admin/bookings/booking/gift/": {
        "student": "sam@example.com",
        "session_type": "1",
        "date": "2026-12-01",
        "time": "10:00",
        "why": "sorry",
    },
    "/admin/bookings/promocode/add/": {
        "code": "SUMMER",
        "kind": "fixed",
        "amount": "50000",
        "currency": "IDR",
        "uses_allowed": "5",
        "valid_until_0": "2026-12-01",
        "valid_until_1": "10:00",
        "minimum_total": "1",
        "tutor": "1",
    },
    "/admin/bookings/sessiontype/add/": {
        "name": "Maths",
        "minutes": "60",
        "price": "150000",
        "currency": "IDR",
        "tutor": "1",
    },
    "/family/invitations/": {"name": "Kim", "email": "kim@example.com"},
    "/bookings/{paid}/move/": {"starts_at": "2026-12-01T10:00:00Z", "why": "ill"},
    "/bookings/{paid}/cancel/": {"seen": "7", "why": "ill"},
    "/bookings/{paid}/meeting/address/": {"address": "https://whereby.com/ada"},
    "/bookings/{paid}/meeting/retry/": {"odd": "x"},
    "/admin/bookings/booking/{paid_key}/move/": {"starts_at": "2026-12-01T10:00:00Z", "why": "ill"},
    "/admin/bookings/booking/{paid_key}/cancel/": {"seen": "7", "why": "ill"},
    "/profile/": {"full_name": "Sam", "time_zone": "UTC"},
    "/profile/time-zone/": {"time_zone": "UTC"},
    "/orders/{order}/pay/": {"gateway": "sandbox"},
    "/admin/payments/payment/{received}/refund/": {"amount": "1000", "why": "sorry", "seen": "150000-1000", "booking": "1"},
    "/admin/payments/payment/{received}/ask/": {"back": "/admin/"},
    "/teaching/meetings/others/": {"place_1": "manual", "place_2": ""},
    "/teaching/meetings/pool/choose/": {"booked": "move"},
    "/teaching/hours/dates/remove/": {"first": "2026-12-01", "last": "2026-12-02"},
    "/admin/bookings/tutor/{tutor}/why/": {
        "session_type": "maths",
        "date": "2026-12-01",
        "time": "10:00",
        "student_email": "sam@example.com",
    },
    "/accounts/login/": {"login": "sam@example.com", "password": "secret-words"},
    "/accounts/signup/": {"email": "new@example.com", "password1": "long-enough-9", "full_name": "New", "time_zone": "UTC"},
    "/accounts/password/reset/": {"email": "sam@example.com"},
    "/admin/meetings/meetinglink/add/": {"url": "https://meet.google.com/abc-defg-hij", "label": "Room"},
    "/admin/meetings/meetinglink/add-many/": {"links": "https://meet.google.com/abc-defg-hij"},
    "/admin/meetings/meeting/{meeting}/choose/": {"link": "1"},
    "/admin/meetings/meeting/{meeting}/address/": {"address": "https://whereby.com/ada"},
}


@pytest.fixture
def names(ada: Tutor, sam: User) -> dict[str, str]:
    booking = make_booking(sam, ada)
    make_payment(booking.order)
    lost = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    paid = make_booking(sam, ada, status=Booking.Status.PAID, during=an_hour(tomorrow(days=5)))
    # Bea approves first, and Sam teaches too.
    make_session_type(make_tutor(slug="bea", approves_first=True), slug="maths")
    own = make_tutor(sam, approves_first=True)
    asked = ask(make_session_type(own), make_user())
    WeeklyHours.objects.update(starts=time(9), ends=time(12))  # pages of few times are soon rendered
    return {
        "asked": asked.reference,
        "tutor": str(ada.pk),
        "order": booking.order.reference,
        "meeting": str(make_meeting(lost).pk),
        "paid": paid.reference,
        "paid_key": str(paid.pk),
        "received": str(make_payment(paid.order, status="succeeded", succeeded_at=tomorrow(days=0), gateway="gone").pk),
    }


def browser(path: str, sam: User, root: User) -> Client:
    client = Client(raise_request_exception=False)
    if not path.startswith("/accounts/"):
        teacher = Tutor.objects.get(slug="ada").user
        is_teachers = path.startswith("/teaching/") or "/meeting/" in path.removeprefix("/admin/meetings/meeting/")
        client.force_login(root if path.startswith("/admin/") else teacher if is_teachers else sam)
    return client


def odd_ones(names: list[str]) -> Iterator[dict[str, str]]:
    """Yield what to put in place of fair values, so that every field meets every odd value.

    They meet them all at once. One that is refused may hide the next, so each meets the worst beside fair values too.
    """
    for number in range(len(ODD)):
        yield {name: ODD[(number + place) % len(ODD)] for place, name in enumerate(names)}
    if len(names) > 1:
        for name in names:
            yield from ({name: odd} for odd in WORST)


@pytest.mark.parametrize("names", [["a"], [*"ab"], [*"abcdefghi"]])
def test_every_field_meets_every_odd_value(names: list[str]):
    tried = list(odd_ones(names))

    assert {pair for one in tried for pair in one.items()} == {(name, odd) for name in names for odd in ODD}
    assert {pair for one in tried if len(one) == 1 for pair in one.items()} >= {(n, odd) for n in names for odd in WORST}


@pytest.mark.parametrize("path", ASKED)
def test_odd_question_is_answered(names, sam, root, path: str):
    client = browser(path, sam, root)
    questions: list[dict[str, Any]] = [*odd_ones(ASKED[path]), {key: ["a", "b"] for key in ASKED[path]}]
    for asked in questions:
        answer = client.get(path.format(**names), asked)
        assert answer.status_code < 500, {name: value[:40] for name, value in asked.items()}


@pytest.mark.parametrize("path", SENT)
def test_odd_form_is_answered(names, sam, root, path: str):
    client = browser(path, sam, root)
    forms: list[dict[str, Any]] = [*odd_ones([*SENT[path]]), {key: ["a", "b"] for key in SENT[path]}]
    for changes in [*forms, *({name: None} for name in SENT[path])]:
        form = {key: value for key, value in {**SENT[path], **changes}.items() if value is not None}
        answer = client.post(path.format(**names), form)
        assert answer.status_code < 500, {name: str(value)[:40] for name, value in changes.items()}
