"""The admin's door, its front page, and the page of background jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.models import Booking, Tutor, User
from meetings.models import Meeting, MeetingLink
from payments.models import Dispute, Payment, Refund, WebhookEvent
from tests.config.test_health import beat
from tests.desk import address, text_of
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_payment, make_tutor, make_user


def make_running(number: int, *, link: MeetingLink | None = None) -> Booking:
    """A paid session that runs now, with a link or still without."""
    during = an_hour(timezone.now() - timedelta(minutes=number % 30))
    booking = make_booking(make_user(), make_tutor(), during=during, status=Booking.Status.PAID)
    if link is None:
        make_meeting(booking, last_error="No link is free then.")
    else:
        make_meeting(booking, status=Meeting.Status.READY, link=link, reserved=(during.start, during.end))
    return booking


def cards_of(desk: Client) -> dict[str, tuple[str, bool]]:
    """Return figure and alarm of each card by its title."""
    front: Any = desk.get("/admin/").context["front"]
    return {str(card.title): (card.figure, card.is_bad) for card in front.cards}


def test_the_front_page_is_calm_when_nothing_needs_a_person(desk):
    make_link()
    beat(3)

    assert cards_of(desk) == {
        "Paid sessions without a link": ("0", False),
        "Sessions today": ("0", False),
        "Links in use now": ("0 of 1", False),
        "Absences to decide": ("0", False),
        "Payments that need a look": ("0", False),
        "Refunds that need a person": ("0", False),
        "Failed webhook events": ("0", False),
        "Open disputes": ("0", False),
        "Jobs that failed or are late": ("0", False),
        "Worker": ("running", False),
    }


def test_the_front_page_counts_what_needs_a_person(desk, sam):
    make_running(1)
    make_running(2, link=make_link(status=MeetingLink.Status.CORDONED))
    payment = make_payment(make_order(sam), status=Payment.Status.NEEDS_REVIEW)
    Refund.objects.create(payment=payment, amount=1000, reason=Refund.Reason.LATE, status=Refund.Status.MANUAL)
    now = timezone.now()
    Dispute.objects.create(payment=payment, external_id="dp_1", amount=1000, currency="IDR", opened_at=now)
    WebhookEvent.objects.create(gateway="midtrans", dedupe_key="1", body=b"{}", next_attempt_at=now, state="failed")
    beat(300)
    app.configure_task("linkpool.unknown", schedule_at=now - timedelta(minutes=3)).defer()

    cards = cards_of(desk)

    assert cards == {
        "Paid sessions without a link": ("1", True),
        "Sessions today": (cards["Sessions today"][0], False),
        "Links in use now": ("1 of 1", True),
        "Absences to decide": ("0", False),
        "Payments that need a look": ("1", True),
        "Refunds that need a person": ("1", True),
        "Failed webhook events": ("1", True),
        "Open disputes": ("1", True),
        "Jobs that failed or are late": ("1", True),
        "Worker": ("silent", True),
    }


def test_every_card_leads_to_a_page_that_opens(desk):
    front: Any = desk.get("/admin/").context["front"]

    for card in front.cards:
        text_of(desk.get(card.url))


def test_a_session_without_a_link_is_listed_with_its_reason_and_a_button(desk):
    booking = make_running(1)
    unplanned = make_booking(make_user(), make_tutor(), status=Booking.Status.PAID)

    page = text_of(desk.get("/admin/"))

    assert booking.reference in page
    assert unplanned.reference in page
    assert "No link is free then." in page
    assert f'action="{reverse("admin:meetings_meeting_provision", args=[booking.meeting.pk])}"' in page
    assert page.count("Assign now") == 1


def test_assign_now_gives_the_session_its_link(desk):
    booking, link = make_running(1), make_link()

    desk.post(reverse("admin:meetings_meeting_provision", args=[booking.meeting.pk]))

    booking.meeting.refresh_from_db()
    assert (booking.meeting.status, booking.meeting.link) == (Meeting.Status.READY, link)


def test_todays_sessions_show_the_label_of_the_link_and_never_its_address(desk):
    link = make_link(label="Room Melati")
    make_running(1, link=link)

    page = text_of(desk.get("/admin/"))

    assert "Room Melati" in page
    assert link.url not in page


def test_today_is_that_of_the_admins_zone(desk, root, ada, sam):
    root.time_zone = "Pacific/Kiritimati"  # 14 hours ahead of UTC
    root.save()
    here = timezone.localtime(timezone.now(), ZoneInfo("Pacific/Kiritimati"))
    first = here.replace(hour=0, minute=0, second=0, microsecond=0)
    today = make_booking(sam, ada, during=an_hour(first), status=Booking.Status.PAID)
    make_booking(sam, ada, during=an_hour(first - timedelta(hours=1)), status=Booking.Status.PAID)
    make_booking(sam, ada, during=an_hour(first + timedelta(days=1)), status=Booking.Status.PAID)

    front: Any = desk.get("/admin/").context["front"]

    assert [booking.reference for booking in front.today] == [today.reference]


def test_a_very_busy_day_shows_the_sessions_to_come_and_says_how_many_are_not_shown(desk, ada, sam, monkeypatch):
    monkeypatch.setattr("config.front_page.MOST_TODAY", 2)
    hour = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    with time_machine.travel(hour, tick=False):
        bookings = [
            make_booking(sam, ada, during=an_hour(hour + timedelta(hours=number)), status=Booking.Status.PAID)
            for number in (-2, 1, 2, 3)
        ]
        answer: Any = desk.get("/admin/")

    assert list(answer.context["front"].today) == bookings[1:3]
    assert "2 more sessions of today are not shown here." in text_of(answer)
    assert {card.title: card.figure for card in answer.context["front"].cards}["Sessions today"] == "4"


def test_the_front_page_takes_as_many_queries_for_many_sessions_as_for_one(desk):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(desk.get("/admin/"))
        return len(queries)

    make_running(0)
    make_running(0, link=make_link())
    count()
    before = count()

    for number in range(12):
        make_running(number)
        make_running(number, link=make_link())

    assert count() == before
    assert before <= 16


def test_staff_see_only_the_cards_they_have_a_right_to(sam):
    clerk = make_user("clerk@example.com", is_staff=True)
    names = ["view_payment", "view_refund", "view_webhookevent"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    running = make_running(1)
    client = Client()
    client.force_login(clerk)

    assert set(cards_of(client)) == {"Payments that need a look", "Refunds that need a person", "Failed webhook events"}
    assert running.reference not in text_of(client.get("/admin/"))


def test_the_admin_is_entered_through_the_sites_own_log_in(client):
    answer = client.get("/admin/", follow=True)

    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert "login" in answer.context["form"].fields


def test_wrong_passwords_at_the_admins_door_are_limited(client, root):
    answers = [
        client.post("/accounts/login/?next=/admin/", {"login": root.email, "password": f"wrong-{number}"})
        for number in range(12)
    ]
    right = client.post("/accounts/login/?next=/admin/", {"login": root.email, "password": "secret-words"})

    assert "_auth_user_id" not in client.session
    assert {answer.status_code for answer in (*answers, right)} <= {200, 429}


def test_who_is_logged_in_without_rights_is_told_so_and_not_sent_in_circles(client, sam):
    client.force_login(sam)

    answer = client.get("/admin/", follow=True)

    assert answer.status_code == 403
    assert len(answer.redirect_chain) == 1
    assert "You may not do this. Please log in with the right account." in answer.content.decode()


def test_jobs_can_be_read_with_what_happened_and_not_changed(desk):
    app.configure_task("linkpool.unknown").defer(meeting_id=7)
    job = ProcrastinateJob.objects.get()

    listed = text_of(desk.get(address(ProcrastinateJob)))
    page = text_of(desk.get(address(ProcrastinateJob, "change", job.pk)))
    changed = desk.post(address(ProcrastinateJob, "change", job.pk), {"status": "succeeded"})

    for shown in (listed, page):
        assert "linkpool.unknown" in shown
        assert "meeting_id" in shown
        assert "style=" not in shown
    assert "deferred" in page
    assert changed.status_code == 403
    assert desk.get(address(ProcrastinateJob, "add")).status_code == 403


def test_jobs_show_nothing_of_the_mails_and_tokens_they_carry(desk, client, root: User, settings):
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    client.post("/accounts/password/reset/", {"email": root.email})
    app.configure_task("payments.pay_sandbox_late").defer(token="opens-a-payment-page")
    jobs = ProcrastinateJob.objects.all()
    mail = jobs.get(task_name="config.send_mail").args["mail"]
    assert "/accounts/password/reset/key/" in mail["body"]

    listed = text_of(desk.get(address(ProcrastinateJob)))
    pages = [text_of(desk.get(address(ProcrastinateJob, page, job.pk))) for job in jobs for page in ("change", "history")]
    for page in [listed, *pages]:
        assert "password/reset" not in page
        assert "opens-a-payment-page" not in page
    assert mail["subject"] in listed


def test_the_list_of_jobs_takes_as_many_queries_for_many_as_for_one(desk, django_assert_num_queries):
    app.configure_task("linkpool.unknown").defer(number=0)
    desk.get(address(ProcrastinateJob))
    with CaptureQueriesContext(connection) as queries:
        desk.get(address(ProcrastinateJob))
    for number in range(1, 50):
        app.configure_task("linkpool.unknown").defer(number=number)

    with django_assert_num_queries(len(queries)):
        desk.get(address(ProcrastinateJob))


def _staff_pages() -> list[str]:
    return ["/admin/", address(User), address(Tutor), address(Booking), address(ProcrastinateJob)]


def test_pages_of_the_admin_carry_no_inline_style_or_script(desk, ada, sam):
    make_running(1)

    for path in [*_staff_pages(), address(Tutor, "change", ada.pk), address(User, "change", sam.pk)]:
        page = text_of(desk.get(path))
        assert " style=" not in page, path
        assert "<style" not in page, path
        assert "onclick=" not in page, path
