"""Who gets what at every address of the site. A new address fails here until somebody has thought of strangers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, resolve

from bookings.api_keys import create_api_key
from bookings.families import digest_of, invite_student
from bookings.models import ApiKey, Booking, StudentLink, Tutor, User
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_payment, make_user, tomorrow

EVERYBODY = {"anonymous", "stranger", "student", "tutor", "payer", "clerk", "root"}
MEMBERS = EVERYBODY - {"anonymous"}
CONCERNED = {"student", "tutor", "payer"}

# Pages to read: who may.
PAGES = {
    "/": EVERYBODY,
    "/tutors/ada/": EVERYBODY,
    "/teaching/": {"tutor"},
    "/teaching/links/": {"tutor"},
    "/teaching/meetings/": {"tutor"},
    "/teaching/meetings/progress/": {"tutor"},
    "/teaching/meetings/pool/choose/": {"tutor"},
    "/teaching/meetings/zoom/disconnect/": set(),  # nobody has connected it
    "/connections/zoom/callback": set(),  # nobody can connect it here
    "/teaching/earnings/": {"tutor"},
    "/teaching/statements/": {"tutor"},
    "/teaching/statements/2026-03/": {"tutor"},
    "/teaching/statements/2026-03/table.csv": {"tutor"},
    "/tutors/ada/request/": MEMBERS,
    "/bookings/{asked}/request/propose/": {"tutor"},
    "/cart/": MEMBERS,
    "/checkout/": MEMBERS,
    "/profile/": MEMBERS,
    "/profile/calendar/": MEMBERS,
    "/notices/": MEMBERS,
    "/teaching/hours/": {"tutor"},
    "/teaching/why/": {"tutor"},
    "/bookings/": MEMBERS,
    "/bookings/{paid}/": CONCERNED,
    "/bookings/{paid}/move/": CONCERNED,
    "/bookings/{paid}/cancel/": CONCERNED,
    "/bookings/{paid}/meeting/": CONCERNED,
    "/bookings/{paid}/meeting/address/": {"tutor"},
    "/bookings/{paid}/calendar.ics": {"student", "tutor"},
    "/bookings/{paid}/absence/": CONCERNED,
    "/bookings/{paid}/absence/state/": CONCERNED,
    "/join/{paid}": {"student", "tutor"},
    "/join/{paid}/": {"student", "tutor"},
    "/teaching/sessions/": {"tutor"},
    "/teaching/sessions/new/": {"tutor"},
    "/teaching/sessions/maths/": {"tutor"},
    "/orders/{order}/": {"payer"},
    "/orders/{order}/state/": {"payer"},
    "/orders/{order}/receipt/": {"payer"},
    "/payments/return/{payment}/": {"payer"},
    "/payments/": MEMBERS,
    "/payments/table.csv": MEMBERS,
    "/home/": MEMBERS,
    "/family/": MEMBERS,
    "/family/invitations/{key}/": EVERYBODY,  # who has the mail's key may read it; who may answer is asked again
}
# What changes something: who may ask for it. Never by GET, never without the form's token.
VERBS = {
    "/tutors/ada/hold/": MEMBERS,  # sends anonymous people to log in, and remembers their choice
    "/tutors/ada/request/": MEMBERS,
    "/bookings/{asked}/request/accept/": {"tutor"},
    "/bookings/{asked}/request/decline/": {"tutor"},
    "/bookings/{asked}/request/propose/": {"tutor"},
    "/bookings/{asked}/request/agree/": {"student", "payer"},
    "/bookings/{asked}/request/refuse/": {"student", "payer"},
    "/bookings/{asked}/request/withdraw/": {"student", "payer"},
    "/checkout/": MEMBERS,
    "/profile/": MEMBERS,
    "/profile/time-zone/": MEMBERS,
    "/profile/calendar/renew/": MEMBERS,
    "/profile/calendar/revoke/": MEMBERS,
    "/notices/open/": set(),  # names no notice of theirs
    "/notices/read/": MEMBERS,
    "/language/": EVERYBODY,
    "/teaching/sessions/maths/take-off/": {"tutor"},
    "/teaching/sessions/maths/put-on/": {"tutor"},
    "/cart/code/": MEMBERS,
    "/cart/code/remove/": MEMBERS,
    "/cart/retake/": MEMBERS,
    "/teaching/hours/": {"tutor"},
    "/teaching/hours/preview/": {"tutor"},
    "/teaching/hours/dates/": {"tutor"},
    "/teaching/hours/dates/remove/": {"tutor"},
    "/teaching/pause/": {"tutor"},
    "/teaching/meetings/others/": {"tutor"},
    "/teaching/meetings/pool/choose/": {"tutor"},
    "/teaching/meetings/zoom/connect/": set(),  # nobody can connect it here
    "/teaching/meetings/zoom/disconnect/": set(),
    "/teaching/resume/": {"tutor"},
    "/bookings/{paid}/meeting/address/": {"tutor"},
    "/bookings/{paid}/meeting/retry/": {"tutor"},
    "/bookings/{paid}/move/": CONCERNED,
    "/bookings/{paid}/cancel/": CONCERNED,
    "/cart/{held}/release/": {"payer"},
    "/bookings/{paid}/absence/report/": CONCERNED,
    "/bookings/{paid}/absence/answer/": set(),  # there is no report to answer
    "/orders/{order}/pay/": {"payer"},
    "/orders/{order}/check/": {"payer"},
    "/family/invitations/": MEMBERS,
    "/family/invitations/{key}/accept/": MEMBERS,  # with the key, and then only the one who was invited
    "/family/{invited}/resend/": {"payer"},
    "/family/{invited}/accept/": {"student"},
    "/family/{invited}/decline/": {"student"},
    "/family/{linked}/end/": {"payer", "student"},
}
CALLS = {
    "/api/available-slots": "slots",
    "/api/initiate-booking-checkout": "checkout",
    "/api/verify-payment": "checkout",
    "/api/pool-forecast": "meetings",
    "/api/assign-meeting-link": "meetings",
    "/api/create-meeting-link": "meetings",
    "/api/sessions/create-missing-meetings": "meetings",
    "/api/sessions/retry-meeting-link": "meetings",
    "/api/sessions/migrate-provider": "meetings",
}
# For operators, gateways and demos: each has tests of its own.
ELSEWHERE = {
    "health_live",
    "health_ready",
    "metrics",
    "webhook",
    "sandbox_pay",
    "sandbox_room",
    "sandbox_rooms",
    "style_guide",
    "invitation_decline",
    "calendar_feed",
}


@pytest.fixture
def people(ada: Tutor, sam: User, kim: User, root: User) -> dict[str, User | None]:
    """Sam learns with Ada, a parent pays; Kim is a stranger, the clerk of the staff has no rights, Root has all."""
    parent, clerk = make_user("parent@example.com"), make_user("clerk@example.com", is_staff=True)
    return {
        "anonymous": None,
        "stranger": kim,
        "student": sam,
        "tutor": ada.user,
        "payer": parent,
        "clerk": clerk,
        "root": root,
    }


@pytest.fixture
def names(people: dict[str, User], ada: Tutor) -> dict[str, str]:
    """A paid session with its link, and a time in the payer's cart, by their references."""
    order = make_order(people["payer"], status="paid")
    paid = make_booking(people["student"], ada, order=order, status=Booking.Status.PAID)
    link = make_link(url="https://meet.google.com/raw-link-xyz")
    make_meeting(paid, status="ready", link=link, reserved=paid.during)
    cart = make_order(people["payer"], status="cart")
    held = make_booking(people["student"], ada, during=an_hour(tomorrow(15)), order=cart)
    request = make_order(people["payer"], placed_at=None)
    asked = make_booking(
        people["student"], ada, during=an_hour(tomorrow(18)), order=request, status=Booking.Status.REQUESTED
    )
    invited = invite_student(people["payer"], name="Sam", email="sam@example.com")
    StudentLink.objects.filter(pk=invited.pk).update(digest=digest_of("mails-key"))
    linked = StudentLink.objects.create(
        payer=people["payer"],
        student=people["student"],
        name="Sam",
        email="sam.old@example.com",
        digest="used",
        expires_at=tomorrow(),
        accepted_at=tomorrow(days=0),
    )
    return {
        "paid": paid.reference,
        "held": held.reference,
        "asked": asked.reference,
        "order": order.reference,
        "payment": make_payment(order).reference,
        "key": "mails-key",
        "invited": invited.reference,
        "linked": linked.reference,
    }


def browser_of(person: User | None, **options: Any) -> Client:
    client = Client(**options)
    if person is not None:
        client.force_login(person)
    return client


def test_every_address_has_been_thought_of():
    thought_of = {resolve(path.format_map(_Any())).url_name for path in [*PAGES, *VERBS, *CALLS]}
    assert {name for name in _names(get_resolver()) if name} - ELSEWHERE == {name for name in thought_of if name}


class _Any(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "X"


def _names(resolver: URLResolver) -> Iterator[str | None]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            if str(one.pattern) not in ("admin/", "accounts/"):
                yield from _names(one)
        else:
            yield one.name


@pytest.mark.defect("CE-19", "TB-20")
@pytest.mark.parametrize("path", PAGES)
def test_page_is_read_by_those_it_is_for_and_is_not_there_for_others(people, names, path: str):
    may = PAGES[path]
    for who, person in people.items():
        answer = browser_of(person).get(path.format(**names))
        if who in may:
            assert answer.status_code in (200, 303), who
        elif who == "anonymous":
            assert (answer.status_code, answer["Location"].startswith("/accounts/login/")) == (302, True)
        else:
            assert answer.status_code == 404, who
        assert b"raw-link-xyz" not in answer.content
        if who not in CONCERNED:
            assert b"Sam Student" not in answer.content


@pytest.mark.defect("CE-18", "TB-18", "TB-21")
@pytest.mark.parametrize("path", VERBS)
def test_what_changes_something_is_done_for_those_who_may_only(people, names, path: str):
    for who in ["anonymous", *sorted(MEMBERS - VERBS[path])]:
        answer = browser_of(people[who]).post(path.format(**names))
        assert answer.status_code in ((302, 400) if who == "anonymous" else (404,)), who


@pytest.mark.parametrize("path", VERBS)
def test_nothing_changes_by_looking_or_without_the_forms_token(people, names, path: str):
    looked = browser_of(people["payer"]).get(path.format(**names))
    if path not in PAGES:
        assert looked.status_code == 405
    else:
        assert looked.status_code in ((200, 303) if "payer" in PAGES[path] else (404,))
    forged = browser_of(people["payer"], enforce_csrf_checks=True).post(path.format(**names))
    assert forged.status_code == 403
    assert Booking.objects.filter(status=Booking.Status.HELD).count() == 1


@pytest.mark.defect("CE-14", "IT-01", "TB-21", "TB-31")
@pytest.mark.parametrize("path", CALLS)
def test_call_of_a_program_needs_a_key_for_it(people, path: str):
    others = [scope for scope in ApiKey.Scope.values if scope != CALLS[path]]
    _row, wrong = create_api_key("other", scopes=others)
    revoked, gone = create_api_key("gone", scopes=list(ApiKey.Scope.values))
    type(revoked).objects.filter(pk=revoked.pk).update(revoked_at=revoked.created_at)

    for person in (None, people["root"]):  # being logged in opens nothing
        for method in ("get", "post"):
            call = getattr(browser_of(person), method)
            assert call(path).status_code == 401
            assert call(path, headers={"Authorization": "Bearer no-such-key"}).status_code == 401
            assert call(path, headers={"Authorization": f"Bearer {gone}"}).status_code == 401
            assert call(path, headers={"Authorization": f"Bearer {wrong}"}).status_code in (403, 405)
