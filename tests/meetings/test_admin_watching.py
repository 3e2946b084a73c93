"""The admin's page that tells how the meetings go, and the lists that it leads to."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from meetings import how_it_goes
from meetings.models import Alert, Meeting, MeetingLink, ProviderCall, VideoConnection
from meetings.models.connections import UNREADABLE
from meetings.pool import assign_link
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user
from tests.meetings.making import lesson, make_call, make_connection, ready_meeting, waiting_meeting

pytestmark = pytest.mark.django_db
PAGE = "/admin/meetings/meeting/how-it-goes/"
CALLS = "/admin/meetings/providercall/"
Outcome = ProviderCall.Outcome


def read(desk: Client, address: str = PAGE) -> str:
    answer = desk.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def fill() -> Meeting:
    """One of everything that the page can show."""
    now = timezone.now()
    waiting = waiting_meeting(lesson(0), trouble=Meeting.Trouble.POOL_FULL, last_error="The pool is full.")
    ready_meeting(lesson(5), provider="zoom", requested_at=now, ready_at=now + timedelta(seconds=90), passed_over=["google"])
    make_call("zoom", Outcome.UNAVAILABLE, meeting=waiting, detail="no answer (ReadTimeout)", seconds=20)
    make_call("zoom")
    make_connection(status=VideoConnection.Status.BROKEN, broken_at=now, broken_why="The consent was taken back.")
    Alert.objects.create(kind=Alert.Kind.MISSING, begun_at=now)
    make_link()
    return waiting


def test_page_of_a_new_site_can_be_read(desk):
    html = read(desk)

    assert "Every paid session has its link." in html
    assert "No meeting was asked for yet." in html
    assert "No provider was called." in html


def test_page_shows_sessions_that_were_ready_at_once(desk):
    now = timezone.now()
    ready_meeting(lesson(5), requested_at=now, ready_at=now)

    assert ">0 s<" in read(desk)


def test_page_shows_every_figure_and_what_it_is_about(desk):
    meeting = fill()

    html = read(desk)

    assert "The pool is full" in html
    assert "no answer (ReadTimeout)" in html
    assert meeting.booking.reference in html
    assert "The consent was taken back." in html
    assert "0 of 1, 0 %" in html  # at Google, which was given up
    assert "1 of 1, 100 %" in html  # at Zoom
    assert "90 s" in html
    assert "Sessions without an address</a>, since" in html


def test_every_chart_is_told_in_words_and_in_a_table(desk):
    fill()

    html = read(desk)

    charts = re.findall(r'<svg class="chart".*?</svg>', html, re.DOTALL)
    assert len(charts) == 3 * 2  # two for each provider: the pool, Zoom and the one that was given up
    assert all(re.search(r"<title id=\"[^\"]+\">\w", chart) for chart in charts)
    assert len(set(re.findall(r'<title id="([^"]+)"', html))) == len(charts)
    assert html.count("The same figures as a table") == 3


def test_every_figure_leads_to_a_page_that_opens_with_its_rows(desk):
    meeting = fill()

    links = {unescape(link) for link in re.findall(r'href="(/admin/[^"]+\?[^"]+)"', read(desk))}

    assert len(links) >= 7
    for link in links:
        answer = desk.get(link)
        assert answer.status_code == 200, link  # Django answers a filter that it does not know with a redirect
    full = next(link for link in links if "trouble__exact=pool_full" in link)
    assert meeting.booking.reference in desk.get(full).content.decode()
    wrong = next(link for link in links if "outcome__exact=unavailable" in link)
    assert "no answer (ReadTimeout)" in desk.get(wrong).content.decode()


def test_page_tells_no_address_and_no_token(desk):
    fill()
    ready_meeting(lesson(90), provider="zoom", ready_at=timezone.now())

    html = read(desk)

    assert "vendor.test" not in html
    assert "meet.google.com" not in html


@pytest.mark.parametrize(("rights", "status"), [([], 403), (["view_meeting"], 403), (["view_meeting", "view_booking"], 200)])
def test_page_is_for_staff_who_may_see_meetings_and_bookings(rights, status):
    clerk = make_user(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    browser = Client()
    browser.force_login(clerk)

    assert browser.get(PAGE).status_code == status


def test_page_is_not_for_others(client, sam):
    assert client.get(PAGE).status_code == 302
    client.force_login(sam)
    assert client.get(PAGE).status_code in (302, 403)


def test_front_page_leads_here(desk):
    assert f'href="{PAGE}"' in read(desk, "/admin/")


def test_page_takes_as_many_statements_for_fifty_rows_as_for_one(desk, django_assert_max_num_queries):
    fill()
    read(desk)
    with django_assert_max_num_queries(24) as few:
        read(desk)
    student, tutor = make_user(), make_tutor()
    for number in range(50):
        during = an_hour(timezone.now() + timedelta(hours=number, minutes=5))
        booking = make_booking(student, tutor, during=during, status=Booking.Status.PAID)
        Meeting.objects.create(
            booking=booking, provider="pool", during=booking.during, requested_at=timezone.now(), trouble="other"
        )
        make_call("zoom", Outcome.UNAVAILABLE, meeting=booking.meeting)
        make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now())
    with django_assert_max_num_queries(len(few)):
        read(desk)


def test_calls_are_found_by_the_reference_of_a_booking_and_by_the_vendors_code(desk):
    meeting = waiting_meeting()
    make_call("zoom", meeting=meeting, detail="of this booking")
    make_call("zoom", code="4711", detail="with this code")

    of_booking = read(desk, f"{CALLS}?q={meeting.booking.reference.lower()}")
    assert ("of this booking" in of_booking, "with this code" in of_booking) == (True, False)
    of_code = read(desk, f"{CALLS}?q=4711")
    assert ("of this booking" in of_code, "with this code" in of_code) == (False, True)
    assert "0 calls" in read(desk, f"{CALLS}?q=nothing")


def test_calls_are_read_and_not_changed(desk):
    call = make_call("zoom", meeting=waiting_meeting())

    assert "unavailable" not in read(desk, f"{CALLS}{call.pk}/change/").lower()
    assert desk.get(f"{CALLS}add/").status_code == 403
    assert desk.post(f"{CALLS}{call.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ProviderCall.objects.filter(pk=call.pk).exists()


def test_list_of_calls_takes_as_many_statements_for_fifty_as_for_one(desk, django_assert_num_queries):
    make_call("zoom", meeting=waiting_meeting())
    read(desk, CALLS)
    with django_assert_num_queries(4):
        read(desk, CALLS)
    for _ in range(49):
        make_call("zoom", meeting=waiting_meeting())
    with django_assert_num_queries(4):
        read(desk, CALLS)


def test_alerts_can_be_read(desk):
    alert = Alert.objects.create(kind=Alert.Kind.QUEUE, begun_at=timezone.now())

    assert "background work is late" in read(desk, "/admin/meetings/alert/")
    assert "background work is late" in read(desk, f"/admin/meetings/alert/{alert.pk}/change/")


def test_broken_connections_are_all_counted_however_many_are_listed(desk, monkeypatch):
    monkeypatch.setattr(how_it_goes, "CONNECTIONS", 1)
    for _ in range(3):
        make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now())

    html = " ".join(read(desk).split())

    assert html.count("2 more are not shown here.") == 1
    assert re.search(r"<h2>Broken connections</h2> <p[^>]*>(<svg.*?</svg>)? ?3</p>", html)


@pytest.mark.parametrize(
    ("of_tutor", "of_site", "sentence"),
    [
        (True, False, "Their tutors have to connect again."),
        (False, True, "They need you: the reasons stand below."),
        (True, True, "Some need their tutors, the others need you: the reasons stand below."),
    ],
)
def test_card_says_whose_turn_it_is_to_mend_a_connection(desk, of_tutor: bool, of_site: bool, sentence: str):
    broken = {"status": VideoConnection.Status.BROKEN, "broken_at": timezone.now()}
    if of_tutor:
        make_connection(**broken)
    if of_site:
        VideoConnection.objects.create(provider="google", connected_at=timezone.now(), **broken)

    assert sentence in read(desk)


def test_tutor_whose_tokens_cannot_be_read_has_nothing_to_do(desk):
    make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now(), broken_why=UNREADABLE())

    assert "They need you: the reasons stand below." in read(desk)


def test_links_in_use_are_those_that_the_sentence_beside_them_is_about(desk):
    during = an_hour(timezone.now() - timedelta(minutes=10))
    for _ in range(3):
        make_link()
        assign_link(waiting_meeting(during))
    MeetingLink.objects.filter(pk=MeetingLink.objects.latest("pk").pk).update(status=MeetingLink.Status.CORDONED)

    html = " ".join(read(desk).split())

    assert "At most 2 at once today" in html
    assert re.search(r"<h2>Links in use now</h2> <p[^>]*>(<svg.*?</svg>)? ?2</p>", html)
    assert "1 more is in use that no new session gets." in html
