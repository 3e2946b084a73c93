"""Whoever lost a time by paying late reads what is booked all the same, and takes one near it with one press."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import Client

from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User, WeeklyHours
from bookings.nearest import nearest_times
from bookings.orders import place_order
from payments.tasks import owe_refunds
from tests.conftest import Drain
from tests.factories import give_leave, tomorrow
from tests.payments.late import let_it_expire, order_of, pay, sell, states

Queries = Callable[[int], Any]


@pytest.fixture
def partly(maths: SessionType, sam: User, kim: User) -> Order:
    """Sam's three sessions, of which the first was sold to Kim before Sam's money came."""
    order = order_of(maths, sam)
    let_it_expire(order)
    sell(order.bookings.earliest("during"), kim)
    pay(order)
    owe_refunds(0)
    return order


@pytest.fixture
def wholly(maths: SessionType, sam: User, kim: User) -> Order:
    order = order_of(maths, sam, hours=[9])
    let_it_expire(order)
    sell(order.bookings.get(), kim)
    pay(order)
    return order


def mail_to(person: User, mails: list[EmailMessage], about: str) -> EmailMultiAlternatives:
    [mail] = [one for one in mails if one.to == [person.email] and about in one.subject]
    assert isinstance(mail, EmailMultiAlternatives)
    return mail


@pytest.mark.defect("IT-22")
def test_mail_says_what_is_kept_what_goes_back_and_what_is_free_near(
    partly: Order, sam: User, drain: Drain, mailoutbox: list[Any]
):
    drain()
    mail = mail_to(sam, mailoutbox, "Rp150,000 goes back")
    assert "could not be had any more: the time was gone" in mail.body
    assert mail.body.count("Maths lesson with Ada Tutor: ") == 2 + 1  # both that are kept, and the one that is gone
    assert "Booked for you all the same:" in mail.body
    addresses = re.findall(r"http://testserver(/tutors/ada/\S*slot\S*)", str(mail.body))
    assert len(addresses) == 3
    html = str(mail.alternatives[0][0])
    assert html.count("slot=") == 3


def test_address_in_the_mail_leads_to_that_very_time(
    partly: Order, maths: SessionType, sam: User, drain: Drain, mailoutbox: list[Any], client: Client
):
    drain()
    address = re.findall(r"http://testserver(/tutors/ada/\S*slot\S*)", str(mail_to(sam, mailoutbox, "goes back").body))[0]
    client.force_login(sam)
    page = client.get(address)
    starts_at = parse_qs(urlsplit(address).query)["slot"][0]
    assert (page.status_code, starts_at.replace("Z", "+00:00") in page.text) == (200, True)
    held = client.post("/tutors/ada/hold/", {"session_type": "maths", "starts_at": starts_at})
    assert held.status_code == 303
    assert Booking.objects.filter(student=sam, status="held").count() == 1


def test_whole_payment_that_goes_back_tells_of_every_time(wholly: Order, sam: User, drain: Drain, mailoutbox: list[Any]):
    drain()
    mail = mail_to(sam, mailoutbox, "goes back to you")
    assert "Nothing is booked." in mail.body
    assert "Booked for you all the same" not in mail.body
    assert mail.body.count("slot=") == 3


def test_mail_of_a_tutor_without_free_times_leads_to_the_tutor(
    wholly: Order, ada: Tutor, sam: User, drain: Drain, mailoutbox: list[Any]
):
    WeeklyHours.objects.filter(tutor=ada).delete()
    drain()
    mail = mail_to(sam, mailoutbox, "goes back to you")
    assert "No time is free near" in mail.body
    assert "All times of Ada Tutor: http://testserver/tutors/ada/?type=maths" in mail.body


def test_mail_of_a_tutor_who_has_left_leads_to_the_others(
    wholly: Order, ada: Tutor, sam: User, drain: Drain, mailoutbox: list[Any]
):
    Tutor.objects.filter(pk=ada.pk).update(is_paused=True)
    drain()
    assert "See all tutors: http://testserver/\n" in mail_to(sam, mailoutbox, "goes back to you").body


def test_refund_for_another_reason_offers_no_times(maths: SessionType, sam: User, drain: Drain, mailoutbox: list[Any]):
    order = order_of(maths, sam, hours=[9])
    pay(order)
    pay(order)
    drain()
    assert "slot=" not in mail_to(sam, mailoutbox, "goes back to you").body


def test_time_for_somebody_else_carries_the_leave_to_book_for_them(maths: SessionType, pat: User, kim: User):
    leave = give_leave(payer=pat, student=kim)
    order = place_order(place_hold(maths, starts_at=tomorrow(9), student=kim, payer=pat).order)
    let_it_expire(order)
    [near] = nearest_times(list(order.bookings.with_people()))
    assert near.for_whom == leave.reference
    assert f"for={leave.reference}" in near.address_of(tomorrow(9))
    leave.end(by=kim, at=tomorrow())
    leave.save()
    [without] = nearest_times(list(order.bookings.with_people()))
    assert (list(without.times), without.for_whom) == ([], "")


def test_lost_time_that_is_free_again_is_offered_first_of_all(maths: SessionType, sam: User):
    order = order_of(maths, sam, hours=[9])
    let_it_expire(order)
    [near] = nearest_times(list(order.bookings.with_people()))
    assert tomorrow(9) in [slot.start for slot in near.times]
    assert states(order) == [("expired", None)]


def test_nearest_times_of_many_take_the_queries_of_one(maths: SessionType, sam: User, django_assert_num_queries: Queries):
    order = order_of(maths, sam, hours=range(8))
    let_it_expire(order)
    bookings = list(order.bookings.with_people())
    with django_assert_num_queries(2):
        nearest_times(bookings[:1])
    with django_assert_num_queries(2):
        assert len(nearest_times(bookings)) == 8
    with django_assert_num_queries(0):
        nearest_times([])
