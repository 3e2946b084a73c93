"""Whatever is sent to the site, the answer is a sentence: never a 500, never a stack trace."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings.models import Booking, Tutor, User
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
    "/admin/bookings/booking/{paid_key}/move/": {"starts_at": "2026-12-01T10:00:00Z", "why": "ill"},
    "/admin/bookings/booking/{paid_key}/cancel/": {"seen": "7", "why": "ill"},
    "/profile/": {"full_name": "Sam", "time_zone": "UTC"},
    "/profile/time-zone/": {"time_zone": "UTC"},
    "/orders/{order}/pay/": {"gateway": "sandbox"},
    "/admin/payments/payment/{received}/refund/": {"amount": "1000", "why": "sorry", "seen": "150000-1000", "booking": "1"},
    "/admin/payments/payment/{received}/ask/": {"back": "/admin/"},
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
        client.force_login(root if path.startswith("/admin/") else teacher if path.startswith("/teaching/") else sam)
    return client


@pytest.mark.parametrize("path", ASKED)
def test_odd_question_is_answered(names, sam, root, path: str):
    client = browser(path, sam, root)
    for name in ASKED[path]:
        for odd in ODD:
            answer = client.get(path.format(**names), {name: odd})
            assert answer.status_code < 500, (name, odd[:40])
        answer = client.get(path.format(**names), {name: ["a", "b"]})
        assert answer.status_code < 500, name


@pytest.mark.parametrize("path", SENT)
def test_odd_form_is_answered(names, sam, root, path: str):
    client = browser(path, sam, root)
    for name in SENT[path]:
        for odd in [*ODD, ["a", "b"], None]:
            form = {key: value for key, value in {**SENT[path], name: odd}.items() if value is not None}
            answer = client.post(path.format(**names), form)
            assert answer.status_code < 500, (name, str(odd)[:40])
