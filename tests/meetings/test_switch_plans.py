"""What another place would do is what it does: sessions by hand keep their place, those of a site's own account stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.utils import timezone

from bookings.kept import Kept
from bookings.models import Booking, Notice, Tutor, User
from meetings import switch_plans, switching
from meetings.chain import next_place
from meetings.connections import CONSENT_GONE, mark_broken
from meetings.models import Meeting, ProviderSwitch, SessionSwitch, VideoConnection
from meetings.pool import assign_link
from meetings.relocation import switch_provider
from meetings.results import settle_pool
from meetings.switch_plans import plan_leaving
from meetings.switching import carry_on, leave_account, start_switch, tally_of
from tests.conftest import Drain
from tests.desk import text_of
from tests.factories import an_hour, make_booking, make_link, make_meeting, tomorrow
from tests.meetings.consenting import PAGE, ConsentDouble, a_vendor, connect, providers
from tests.race import race

Outcome = SessionSwitch.Outcome
MANUAL = {"manual": {"BACKEND": "meetings.providers.manual.ManualProvider", "OPTIONS": {}}}
CHOOSE = "/teaching/meetings/manual/choose/"
LEAVE = "/teaching/meetings/zoom/disconnect/"


@pytest.fixture
def vendor() -> Iterator[ConsentDouble]:
    with a_vendor(silence=30) as double, override_settings(MEETING_PROVIDERS=providers(double) | MANUAL):
        yield double


@pytest.fixture
def site_has_one(vendor: ConsentDouble) -> Iterator[None]:
    """An account of the site holds sessions where tutors can connect their own as well."""
    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="owner@vendor.test") | MANUAL):
        yield


def waits(student: User, tutor: Tutor, hour: int) -> Meeting:
    booking = make_booking(student, tutor, status=Booking.Status.PAID, during=an_hour(tomorrow(hour)))
    return make_meeting(booking)


def ready(student: User, tutor: Tutor, hour: int) -> Meeting:
    """A paid session in a pool link of its own."""
    booking = make_booking(student, tutor, status=Booking.Status.PAID, during=an_hour(tomorrow(hour)))
    return make_meeting(booking, status="ready", link=make_link(), reserved=booking.during, next_attempt_at=None)


def at_vendor(student: User, tutor: Tutor, vendor: ConsentDouble, **chain: Any) -> tuple[VideoConnection, Meeting]:
    """A session in a room that was made with the account of its tutor, whose wish that is."""
    for name, value in {"meeting_provider": "zoom", **chain}.items():
        setattr(tutor, name, value)
    tutor.save()
    connection = connect(tutor, vendor)
    meeting = switch_provider(make_meeting(make_booking(student, tutor, status="paid"), provider="zoom"), "zoom")
    assert meeting.rooms.get().connection == connection
    return connection, meeting


def told(switch: ProviderSwitch) -> list[tuple[str, str]]:
    return list(switch.sessions.order_by("meeting__during").values_list("outcome", "why"))


def test_by_hand_sessions_keep_their_place_and_those_that_wait_are_asked_for(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain
):
    has_one, has_none = ready(sam, ada, 9), waits(sam, ada, 11)
    page = text_of(desk_of_ada.get(CHOOSE))
    assert "It keeps its place until you give it an address." in page
    assert "None of them has an address yet: you are asked for each." in page

    switch = start_switch(ada, "manual", asked_by=ada.user)
    drain()

    assert told(switch) == [(Outcome.STAYED, switch_plans.NEEDS_ADDRESS()), (Outcome.MOVED, switching.ASKED_FOR())]
    link = has_one.link
    has_one.refresh_from_db()
    has_none.refresh_from_db()
    assert (has_one.provider, has_one.is_ready, has_one.link) == ("pool", True, link)
    assert (has_none.is_waiting, has_none.trouble) == (True, Meeting.Trouble.BY_HAND)
    wanted = Notice.objects.filter(fact=Notice.Fact.ADDRESS_WANTED)
    assert [(one.to, one.booking) for one in wanted] == [(ada.user, has_none.booking)]
    assert "now at" not in "".join(str(letter.subject) for letter in mail.outbox)
    assert "Try the rest again" not in text_of(desk_of_ada.get(PAGE))


def test_by_hand_session_that_gets_a_link_before_its_turn_keeps_it(ada: Tutor, sam: User, vendor: ConsentDouble):
    meeting = waits(sam, ada, 9)
    switch = start_switch(ada, "manual", asked_by=ada.user)
    make_link()
    assign_link(meeting)
    settle_pool(meeting)

    assert carry_on(switch, seconds=10)

    assert told(switch) == [(Outcome.STAYED, switch_plans.NEEDS_ADDRESS())]
    assert tally_of(switch).errors == [(meeting.booking.reference, switch_plans.NEEDS_ADDRESS())]


def test_disconnecting_where_addresses_come_by_hand_next_leaves_the_rooms_that_there_are(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain
):
    connection, meeting = at_vendor(sam, ada, vendor, fallback_providers=["manual"])
    shown = desk_of_ada.get(LEAVE)
    assert (shown.context["moving_count"], shown.context["next_place"]) == (0, "Address by hand")

    switch = leave_account(connection, asked_by=ada.user)
    drain()

    assert switch is not None
    assert told(switch) == [(Outcome.STAYED, switch_plans.NEEDS_ADDRESS())]
    ada.refresh_from_db()
    meeting.refresh_from_db()
    assert (ada.meeting_provider, meeting.provider, meeting.is_ready) == ("manual", "zoom", True)


@pytest.mark.parametrize(("others", "why"), [(["manual"], switching.FELL_BACK), ([], switching.NOWHERE)])
def test_session_that_waits_and_is_held_nowhere_says_so(
    ada: Tutor, sam: User, vendor: ConsentDouble, others: list[str], why: Kept
):
    ada.fallback_providers = others
    ada.save()
    connection = connect(ada, vendor)
    waits(sam, ada, 9)
    switch = start_switch(ada, "zoom", asked_by=ada.user)
    mark_broken(connection, why=CONSENT_GONE)

    assert carry_on(switch, seconds=10)

    assert told(switch) == [(Outcome.FAILED, why())]


def test_account_is_let_go_where_the_site_has_one_and_all_stays_as_the_page_said(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, site_has_one: None, drain: Drain
):
    connection, meeting = at_vendor(sam, ada, vendor, fallback_providers=["pool"])
    make_link()
    shown = desk_of_ada.get(LEAVE)
    assert (shown.context["moving_count"], shown.context["staying_count"]) == (0, 0)
    assert "New sessions are held at Consent rooms as before, with our account." in text_of(shown)

    desk_of_ada.post(LEAVE)
    drain()

    assert not ProviderSwitch.objects.exists()
    assert not VideoConnection.objects.connected().filter(pk=connection.pk).exists()
    ada.refresh_from_db()
    meeting.refresh_from_db()
    assert (ada.meeting_provider, meeting.provider, meeting.is_ready) == ("zoom", "zoom", True)
    later = switch_provider(make_meeting(make_booking(sam, ada, status="paid", during=an_hour(tomorrow(9, days=4)))), "zoom")
    connection_of_room = later.rooms.get().connection
    assert connection_of_room is not None
    assert connection_of_room.tutor is None


def test_account_is_let_go_and_what_moves_is_what_the_page_said(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain
):
    _connection, meeting = at_vendor(sam, ada, vendor)
    make_link()
    shown = desk_of_ada.get(LEAVE)
    assert (shown.context["moving"], shown.context["next_place"]) == ([meeting], "Link pool")
    assert "New sessions are held at: Link pool." in text_of(shown)

    desk_of_ada.post(LEAVE)
    drain()

    assert told(ProviderSwitch.objects.get()) == [(Outcome.MOVED, "")]


def test_account_without_another_place_leaves_the_sessions_where_they_are(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble
):
    _connection, meeting = at_vendor(sam, ada, vendor)
    only = {"zoom": providers(vendor)["zoom"]}
    with override_settings(MEETING_PROVIDERS=only):
        assert "new sessions wait until you choose one" in text_of(desk_of_ada.get(LEAVE))
        desk_of_ada.post(LEAVE)

    assert not ProviderSwitch.objects.exists()
    meeting.refresh_from_db()
    assert (meeting.provider, meeting.is_ready) == ("zoom", True)


def test_wish_elsewhere_stays_when_an_account_of_the_list_is_let_go(ada: Tutor, sam: User, vendor: ConsentDouble):
    _connection, meeting = at_vendor(sam, ada, vendor)
    ada.meeting_provider, ada.fallback_providers = "pool", ["zoom"]
    ada.save()

    leaving = plan_leaving(ada, "zoom", now=timezone.now())

    assert (leaving.place, leaving.plan.moving, leaving.has_to_move) == ("pool", [meeting], True)


def test_pool_holds_new_sessions_as_the_page_said_even_if_it_was_taken_off_the_list(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble
):
    ada.meeting_provider, ada.fallback_providers = "google", ["zoom"]  # and at the first nothing is connected
    ada.save()
    connect(ada, vendor)
    with override_settings(MEETING_PROVIDERS=providers(vendor) | {"google": providers(vendor)["zoom"]}):
        assert "New sessions are held at: Link pool." in text_of(desk_of_ada.get(LEAVE))
        desk_of_ada.post(LEAVE)
        ada.refresh_from_db()
        place = next_place(waits(sam, ada, 9), tried=(), now=timezone.now())

    assert place is not None
    assert place.name == "pool"


@pytest.mark.django_db(transaction=True)
def test_account_let_go_by_two_at_once_begins_one_move(ada: Tutor, sam: User, vendor: ConsentDouble):
    connection, _meeting = at_vendor(sam, ada, vendor)

    left = race(lambda _number: leave_account(connection, asked_by=ada.user), threads=2)

    assert [one.error for one in left] == [None, None]
    assert sorted(one.value is None for one in left) == [False, True]
    assert ProviderSwitch.objects.count() == 1


BEFORE = "new ones are held at a place that comes before it on your list"
UNCHOSEN = "It is not among the places that you chose for new sessions"
# Where sessions are held: the tutor's chain, whether the site has an account there, and words of the page and of the mail.
MEANWHILE: list[tuple[list[str], bool, str, str]] = [
    (
        ["zoom", "pool"],
        False,
        "new ones are held at the next place of your list",
        "held at the next place of your list, and",
    ),
    (["zoom"], True, "our account holds new ones there", "until then our account holds them there"),
    (["zoom"], False, "connect it, or choose another below", "choose another place on that page"),
    (["pool", "zoom"], True, BEFORE, BEFORE),
    (["pool"], True, UNCHOSEN, UNCHOSEN),
    (["google"], False, UNCHOSEN, UNCHOSEN),  # nor does that one work
]


@pytest.mark.parametrize(("chain", "has_site", "page", "mailed"), MEANWHILE)
def test_broken_account_is_told_with_what_holds_new_sessions(
    desk_of_ada: Client,
    ada: Tutor,
    vendor: ConsentDouble,
    drain: Drain,
    chain: list[str],
    has_site: bool,
    page: str,
    mailed: str,
):
    ada.meeting_provider, *ada.fallback_providers = chain
    ada.save()
    offered = providers(vendor, site_account="owner@vendor.test" if has_site else "")
    with override_settings(MEETING_PROVIDERS=offered | {"google": providers(vendor)["zoom"]}):
        mark_broken(connect(ada, vendor), why=CONSENT_GONE)
        shown = text_of(desk_of_ada.get(PAGE))
        drain()

    (letter,) = mail.outbox
    assert page in shown
    assert mailed in letter.body
    assert {row[3] for row in MEANWHILE if row[3] in str(letter.body)} == {mailed}
