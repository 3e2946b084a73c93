"""Who may book and pay for whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.errors import (
    InvitationForSomebodyElse,
    InvitationOver,
    InvitationRefused,
    InvitationUnknown,
    NoLeave,
    NotFound,
    StudentBusy,
)
from bookings.families import (
    accept_invitation,
    decline_invitation,
    end_link,
    find_invitation,
    invite_student,
    send_invitation_again,
)
from bookings.holds import place_hold
from bookings.models import Booking, Notice, SessionType, StudentLink, User
from bookings.orders import mark_order_paid, place_order
from tests.factories import give_leave, make_booking, make_session_type, make_tutor, tomorrow
from tests.race import race

pytestmark = pytest.mark.django_db
State = StudentLink.State


@pytest.fixture
def standing(pat: User, kim: User) -> StudentLink:
    """Kim has agreed that Pat books for her."""
    return accept_invitation(invite_student(pat, name="Kim", email="kim@example.com"), person=kim)


def test_invitation_is_accepted_by_the_person_at_that_address_and_the_payer_is_told(pat: User, kim: User):
    link = accept_invitation(invite_student(pat, name="Kimmy", email=kim.email), person=kim)

    assert (link.student, link.state) == (kim, State.STANDING)
    assert [notice.to for notice in Notice.objects.filter(fact=Notice.Fact.INVITATION_ACCEPTED)] == [pat]
    assert link.student_name == "Kim Student"


def test_invitation_accepted_twice_changes_nothing(standing: StudentLink, kim: User):
    again = accept_invitation(standing, person=kim)

    assert again.accepted_at == standing.accepted_at
    assert Notice.objects.count() == 1


def test_invitation_is_for_nobody_else(pat: User, sam: User, kim: User):
    link = invite_student(pat, name="Kim", email=kim.email)

    for person in (sam, pat):
        with pytest.raises(InvitationForSomebodyElse):
            accept_invitation(link, person=person)
        with pytest.raises(InvitationForSomebodyElse):
            decline_invitation(link, person=person)

    assert StudentLink.objects.get().state is State.WAITING


def test_invitation_that_was_used_ended_withdrawn_or_ran_out_opens_nothing(pat: User, kim: User, standing: StudentLink):
    end_link(standing, who=kim)
    withdrawn = invite_student(pat, name="Kim", email=kim.email)
    end_link(withdrawn, who=pat)
    late = invite_student(pat, name="Kim", email=kim.email)

    for link in (standing, withdrawn):
        with pytest.raises(InvitationOver):
            accept_invitation(link, person=kim)
    with time_machine.travel(timezone.now() + timedelta(days=15)), pytest.raises(InvitationOver):
        accept_invitation(late, person=kim)
    with pytest.raises(InvitationUnknown):
        find_invitation("no-such-key")


def test_invitation_is_declined_with_the_mail_alone(pat: User, kim: User):
    link = decline_invitation(invite_student(pat, name="Kim", email=kim.email), person=None)

    assert (link.state, link.ended_by) == (State.DECLINED, None)
    assert decline_invitation(link, person=None).ended_at == link.ended_at
    assert not Notice.objects.exists()


def test_invitation_that_ran_out_can_be_mailed_again(pat: User, kim: User):
    link = invite_student(pat, name="Kim", email=kim.email)

    with time_machine.travel(timezone.now() + timedelta(days=20)):
        assert link.state is State.RAN_OUT
        send_invitation_again(link.reference, payer=pat)
        assert accept_invitation(link, person=kim).state is State.STANDING


def test_invitation_is_not_sent_for_oneself_or_twice(pat: User, kim: User, standing: StudentLink):
    invite_student(pat, name="Sam", email="sam@example.com")
    for email in ("pat@example.com", "KIM@example.com", "sam@example.com"):
        with pytest.raises(InvitationRefused):
            invite_student(pat, name="Somebody", email=email)


def test_payer_books_for_the_student_who_agreed(standing: StudentLink, pat: User, kim: User, maths: SessionType):
    hold = place_hold(maths, starts_at=tomorrow(), student=kim, payer=pat)

    order = mark_order_paid(place_order(hold.order))

    booking = order.bookings.get()
    assert (booking.student, order.payer) == (kim, pat)
    assert [list(Booking.objects.visible_to(person)) for person in (kim, pat)] == [[booking], [booking]]


@pytest.mark.defect("TB-20")
def test_nobody_books_for_people_who_did_not_agree(pat: User, sam: User, kim: User, maths: SessionType):
    invite_student(pat, name="Kim", email=kim.email)
    for payer, student in ((pat, kim), (pat, sam), (sam, kim)):
        with pytest.raises(NoLeave):
            place_hold(maths, starts_at=tomorrow(), student=student, payer=payer)
    assert not Booking.objects.exists()


@pytest.mark.defect("TB-20")
def test_leave_goes_one_way_only(standing: StudentLink, pat: User, kim: User, maths: SessionType):
    with pytest.raises(NoLeave):
        place_hold(maths, starts_at=tomorrow(), student=pat, payer=kim)


@pytest.mark.parametrize("side", ["payer", "student"])
def test_leave_ended_by_either_side_refuses_what_comes_later_and_keeps_what_is_booked(
    standing: StudentLink, maths: SessionType, side: str
):
    pat, kim = standing.payer, standing.student
    assert kim
    booked = place_order(place_hold(maths, starts_at=tomorrow(9), student=kim, payer=pat).order).bookings.get()
    in_cart = place_hold(maths, starts_at=tomorrow(11), student=kim, payer=pat)
    own = place_hold(maths, starts_at=tomorrow(13), student=pat)

    end_link(standing, who=getattr(standing, side))

    with pytest.raises(NoLeave):
        place_hold(maths, starts_at=tomorrow(15), student=kim, payer=pat)
    for booking in (booked, in_cart, own):
        booking.refresh_from_db()
    assert (booked.status, in_cart.status, own.status) == ("held", "cancelled", "held")
    assert mark_order_paid(booked.order).is_paid


def test_invitation_of_others_cannot_be_mailed_again(standing: StudentLink, sam: User):
    with pytest.raises(NotFound):
        send_invitation_again(standing.reference, payer=sam)


def test_students_clash_is_said_without_what_it_is(standing: StudentLink, pat: User, kim: User, maths: SessionType):
    secret = make_session_type(make_tutor(), name="Secret lesson")
    make_booking(kim, secret.tutor, session_type=secret, status="paid")

    with pytest.raises(StudentBusy) as refusal:
        place_hold(maths, starts_at=tomorrow(), student=kim, payer=pat)

    assert str(refusal.value) == "Kim Student is busy at that time. Please choose another one."


@pytest.mark.django_db(transaction=True)
def test_invitation_accepted_in_two_tabs_at_once_is_one_leave(pat: User, kim: User):
    link = invite_student(pat, name="Kim", email=kim.email)

    outcomes = race(lambda _number: accept_invitation(link, person=kim), threads=8)

    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert {outcome.value.accepted_at for outcome in outcomes} == {StudentLink.objects.standing().get().accepted_at}
    assert Notice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_invitation_accepted_and_declined_at_once_is_one_of_both(pat: User, kim: User):
    link = invite_student(pat, name="Kim", email=kim.email)

    def answer(number: int) -> StudentLink:
        return (accept_invitation, decline_invitation)[number % 2](link, person=kim)

    answers = {outcome.value.state for outcome in race(answer, threads=8) if outcome.error is None}

    assert answers == {StudentLink.objects.get().state}


@pytest.mark.django_db(transaction=True)
def test_second_invitation_of_one_payer_to_one_person_becomes_no_second_leave(pat: User, kim: User):
    first = invite_student(pat, name="Kim", email="kim@example.com")
    second = invite_student(pat, name="Kim", email="kim.new@example.com")
    accept_invitation(first, person=kim)
    User.objects.filter(pk=kim.pk).update(email="kim.new@example.com")
    kim.refresh_from_db()

    outcomes = race(lambda _number: accept_invitation(second, person=kim), threads=4)

    assert {type(outcome.error) for outcome in outcomes} == {InvitationOver}
    assert StudentLink.objects.standing().count() == 1


@pytest.mark.django_db(transaction=True)
def test_leave_ended_while_a_time_is_taken_leaves_no_hold_behind(pat: User, kim: User, maths: SessionType):
    for hour in range(1, 6):
        link = accept_invitation(invite_student(pat, name="Kim", email=kim.email), person=kim)
        StudentLink.objects.update(mailed_at=timezone.now() - timedelta(days=2))

        def work(number: int, link: StudentLink = link, hour: int = hour) -> object:
            if number:
                return end_link(link, who=kim)
            return place_hold(maths, starts_at=tomorrow(hour), student=kim, payer=pat)

        outcomes = race(work, threads=2)

        assert outcomes[1].error is None
        held_after_the_end = Booking.objects.filter(student=kim, status="held").exists()
        assert isinstance(outcomes[0].error, NoLeave) or not held_after_the_end


def test_leave_ended_again_leaves_the_holds_of_a_newer_one_alone(standing: StudentLink, maths: SessionType):
    """An old page, or a click that comes twice, must not empty the cart."""
    pat, kim = standing.payer, standing.student
    assert kim
    end_link(standing, who=kim)
    give_leave(payer=pat, student=kim)
    held = place_hold(maths, starts_at=tomorrow(), student=kim, payer=pat)

    end_link(standing, who=pat)

    held.refresh_from_db()
    assert held.status == "held"
