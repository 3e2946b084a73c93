"""What people read of a place before its door opens never leads there."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from bookings.models import Booking, Notice, Tutor, User
from meetings.by_hand import give_address
from meetings.places import name_of_host
from tests.conftest import Drain
from tests.factories import make_booking

SECRET = "ada-and-sam.example.org"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://meet.google.com/abc-defg-hij", "Google Meet"),
        ("https://us02web.zoom.us/j/123", "Zoom"),
        ("https://zoom.us", "Zoom"),
        ("https://rooms.example.org/ada", "rooms.example.org"),
        ("https://rooms.example.org?room=ada", "rooms.example.org"),
        (f"https://{SECRET}", ""),
        (f"https://{SECRET}/", ""),
        (f"https://{SECRET}:8443", ""),
        ("", ""),
    ],
)
def test_host_that_is_the_whole_address_is_named_to_nobody(address: str, name: str):
    assert name_of_host(address) == name


@pytest.mark.django_db
def test_address_that_is_only_a_host_is_on_no_page_and_in_no_mail_before_the_door_opens(
    ada: Tutor, sam: User, root: User, drain: Drain, mailoutbox
):
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    for address in ("https://whereby.com/ada", f"https://{SECRET}"):
        give_address(booking, address, who=root)
    drain()

    said = [f"{letter.subject}{letter.body}" for letter in mailoutbox]
    for person in (sam, ada.user):
        client = Client()
        client.force_login(person)
        for name in ("meetings:booking_status", "meetings:join", "bookings:booking_detail"):
            said.append(client.get(reverse(name, args=[booking.reference]), follow=True).text)
    assert Notice.objects.filter(fact=Notice.Fact.LINK_CHANGED).count() >= 2
    assert not [one for one in said if SECRET in one]
