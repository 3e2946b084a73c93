"""People are told where a session is held when they believe it elsewhere, once, and by the right name."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.core import mail
from django.utils import timezone

from bookings.models import Booking, Notice, Tutor, User
from bookings.notice_truth import is_still_true
from bookings.rescheduling import move_booking
from meetings.by_hand import give_address
from meetings.errors import ProviderCannot
from meetings.models import Meeting
from meetings.planning import move_meeting, plan_meeting
from meetings.provisioning import provision_meeting
from meetings.switch_mails import tell_of_switch
from meetings.switching import carry_on, choose_provider, start_switch
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)
SWITCHED = "Your sessions with Ada Tutor: now at"


@pytest.fixture
def meeting(ada: Tutor, sam: User, acme: Acme) -> Meeting:
    """A paid session that waits for its room at Acme."""
    ada.meeting_provider = "acme"
    ada.save()
    planned = plan_meeting(make_booking(sam, ada, during=an_hour(START), status=Booking.Status.PAID))
    assert planned is not None
    return planned


def told(meeting: Meeting) -> list[str]:
    """The places that both were told of by notices, in order."""
    notices = Notice.objects.filter(booking=meeting.booking, fact=Notice.Fact.LINK_CHANGED).order_by("pk")
    people = [meeting.booking.student, meeting.booking.tutor.user]
    places = {person: [one.details["provider"] for one in notices if one.to == person] for person in people}
    assert places[people[0]] == places[people[1]]
    return places[people[0]]


def switched() -> list[str]:
    return [str(letter.subject) for letter in mail.outbox if SWITCHED in str(letter.subject)]


def fall_back(meeting: Meeting, acme: Acme) -> None:
    acme.plan = [ProviderCannot()]
    assert provision_meeting(meeting).provider == "pool"


def reschedule(meeting: Meeting, *, days: int = 1) -> None:
    booking = Booking.objects.get(pk=meeting.booking_id)
    move_booking(booking, starts_at=START + timedelta(days=days), who=meeting.booking.student)
    move_meeting(booking)
    provision_meeting(meeting)
    meeting.refresh_from_db()
    assert meeting.is_ready


@pytest.fixture
def back_at_acme(meeting: Meeting, acme: Acme, ada: Tutor, drain: Drain) -> Meeting:
    """It fell back to the pool, which was told by a notice, and a switch brought it back, which was told by its mail."""
    make_link()
    fall_back(meeting, acme)
    start_switch(ada, "acme", asked_by=ada.user)
    drain()
    meeting.refresh_from_db()
    assert (meeting.provider, told(meeting), switched()) == ("acme", ["pool"], [f"{SWITCHED} Acme"])
    return meeting


def test_fallback_after_a_switch_is_told_though_the_last_notice_says_the_same(back_at_acme: Meeting, acme: Acme):
    acme.plan = [ProviderCannot()]
    reschedule(back_at_acme)

    assert (back_at_acme.provider, told(back_at_acme)) == ("pool", ["pool", "pool"])
    reschedule(back_at_acme, days=2)
    assert (back_at_acme.provider, told(back_at_acme)) == ("acme", ["pool", "pool", "acme"])


def test_session_that_stays_where_the_switch_told_is_no_news(back_at_acme: Meeting):
    reschedule(back_at_acme)

    assert (back_at_acme.provider, told(back_at_acme), len(switched())) == ("acme", ["pool"], 1)


def test_wish_for_new_sessions_alone_is_no_news_until_an_old_one_follows_it(meeting: Meeting, ada: Tutor):
    provision_meeting(meeting)
    make_link()
    choose_provider(ada, "pool")
    assert told(meeting) == []
    reschedule(meeting)

    assert (meeting.provider, told(meeting)) == ("pool", ["pool"])


def test_first_place_is_told_if_the_wish_changed_before_it_was_there(meeting: Meeting, ada: Tutor):
    make_link()
    choose_provider(ada, "pool")
    assert provision_meeting(meeting).provider == "pool"
    assert told(meeting) == ["pool"]


def test_session_that_becomes_ready_in_a_switch_is_told_by_its_one_mail(meeting: Meeting, ada: Tutor, drain: Drain):
    make_link()
    start_switch(ada, "pool", asked_by=ada.user)
    drain()

    meeting.refresh_from_db()
    assert (meeting.provider, meeting.told_provider, told(meeting)) == ("pool", "pool", [])
    assert switched() == [f"{SWITCHED} Google Meet"]  # a pool is nothing that students know


def test_session_that_left_again_before_the_mail_of_the_switch_is_in_no_mail(meeting: Meeting, acme: Acme, ada: Tutor):
    make_link()
    fall_back(meeting, acme)
    switch = start_switch(ada, "acme", asked_by=ada.user)
    assert carry_on(switch, seconds=10)
    acme.plan = [ProviderCannot()]
    reschedule(meeting)

    assert tell_of_switch(switch.pk) == 0
    assert (meeting.provider, told(meeting)) == ("pool", ["pool"])


def test_session_that_is_told_of_by_itself_is_not_told_of_by_its_switch(meeting: Meeting, acme: Acme, ada: Tutor):
    make_link()
    fall_back(meeting, acme)
    switch = start_switch(ada, "acme", asked_by=ada.user)
    assert carry_on(switch, seconds=10)
    Meeting.objects.update(told_provider="acme")

    assert tell_of_switch(switch.pk) == 0


@pytest.mark.parametrize("asked_by", ["the tutor", "a program"])
def test_tutor_is_mailed_of_a_switch_that_somebody_else_asked_for(
    meeting: Meeting, acme: Acme, ada: Tutor, sam: User, asked_by: str
):
    make_link()
    fall_back(meeting, acme)
    switch = start_switch(ada, "acme", asked_by=ada.user if asked_by == "the tutor" else None)
    assert carry_on(switch, seconds=10)
    tell_of_switch(switch.pk)

    to_ada = [letter for letter in mail.outbox if letter.to == [ada.user.email]]
    assert [str(letter.subject) for letter in to_ada] == ["Your sessions: now at Acme"] * (asked_by == "a program")
    assert all(str(sam) in letter.body and meeting.booking.reference in letter.body for letter in to_ada)
    assert switched() == [f"{SWITCHED} Acme"]


def test_fallback_within_a_switch_is_told_at_once(meeting: Meeting, acme: Acme, ada: Tutor):
    make_link()
    connect(ada)
    ada.fallback_providers = ["pool"]
    ada.save()
    acme.plan = [ProviderCannot()]
    switch = start_switch(ada, "zoom", asked_by=ada.user)
    assert carry_on(switch, seconds=10)

    meeting.refresh_from_db()
    assert (meeting.provider, told(meeting), tell_of_switch(switch.pk)) == ("pool", ["pool"], 0)


def test_address_by_hand_in_the_place_of_another_is_told_to_who_did_not_give_it(meeting: Meeting, sam: User, ada: Tutor):
    give_address(meeting.booking, "https://whereby.com/ada", who=ada.user)

    notice = Notice.objects.get(fact=Notice.Fact.LINK_CHANGED)
    assert (notice.to, notice.details["place"], notice.details["provider"]) == (sam, "Whereby", "manual")
    meeting.refresh_from_db()
    assert meeting.told_provider == "manual"


def test_notice_is_outdated_when_a_switch_has_moved_the_session_on(meeting: Meeting, acme: Acme, ada: Tutor, sam: User):
    make_link()
    fall_back(meeting, acme)
    notice = Notice.objects.with_rows().get(to=sam, fact=Notice.Fact.LINK_CHANGED)
    assert is_still_true(notice, now=timezone.now())

    carry_on(start_switch(ada, "acme", asked_by=ada.user), seconds=10)

    notice = Notice.objects.with_rows().get(pk=notice.pk)
    assert not is_still_true(notice, now=timezone.now())


def test_rows_from_before_know_what_was_told(back_at_acme: Meeting, acme: Acme, ada: Tutor, kim: User):
    waiting = plan_meeting(make_booking(kim, ada, during=an_hour(START + timedelta(days=1)), status=Booking.Status.PAID))
    fallen = plan_meeting(make_booking(kim, ada, during=an_hour(START + timedelta(days=2)), status=Booking.Status.PAID))
    assert waiting is not None
    assert fallen is not None
    Notice.objects.create(
        to=kim, fact=Notice.Fact.LINK_CHANGED, booking=fallen.booking, key="1", details={"provider": "pool"}
    )
    Meeting.objects.update(told_provider="")

    import_module("meetings.migrations.0016_place_told").note_what_was_told(apps, None)

    expected = {back_at_acme.pk: "acme", waiting.pk: "acme", fallen.pk: "pool"}
    assert dict(Meeting.objects.values_list("pk", "told_provider")) == expected


def test_update_of_the_site_while_a_switch_is_under_way_leaves_its_students_to_be_told(meeting: Meeting, ada: Tutor):
    make_link()
    provision_meeting(meeting)
    switch = start_switch(ada, "pool", asked_by=ada.user)
    carry_on(switch, seconds=10)
    Meeting.objects.update(told_provider="")

    import_module("meetings.migrations.0016_place_told").note_what_was_told(apps, None)

    assert Meeting.objects.get().told_provider == "acme"
    assert tell_of_switch(switch.pk) == 1
