"""The raw address of a meeting is on no page and in no mail (DESIGN 3.8, D12): every page of the site is looked at."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from bookings.models import Booking, User, WeeklyHours
from bookings.signals import booking_cancelled, booking_paid, send_after_commit
from bookings.times import During
from meetings.alarms import watch
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import make_booking, make_link, make_meeting, make_order, make_payment, make_user, tomorrow

pytestmark = pytest.mark.django_db
SECRET = "raw-room-xyz"
START = tomorrow()
INSIDE = START + timedelta(minutes=5)


@pytest.fixture
def booking(ada, sam) -> Booking:
    WeeklyHours.objects.update(starts=time(9), ends=time(12))  # pages of few times are soon rendered
    order = make_order(make_user("parent@example.com"), status="paid")
    make_payment(order)
    during = During(START, START + timedelta(hours=1))
    booking = make_booking(sam, ada, during=during, status=Booking.Status.PAID, order=order)
    make_link(url=f"https://meet.google.com/{SECRET}", label="Room A")
    assign_link(make_meeting(booking))
    return booking


def named_pages() -> Iterator[str]:
    """Names of all addresses of the site but those of the admin."""

    def walk(resolver: URLResolver, space: str) -> Iterator[tuple[str, URLPattern]]:
        for one in resolver.url_patterns:
            if isinstance(one, URLResolver):
                yield from walk(one, f"{space}{one.namespace}:" if one.namespace else space)
            elif one.name:
                yield f"{space}{one.name}", one

    yield from (name for name, _pattern in walk(get_resolver(), "") if not name.startswith("admin:"))


def paths_for(booking: Booking) -> set[str]:
    values = [booking.reference, booking.order.reference, booking.tutor.slug, booking.order.payments.get().reference]
    found = set()
    for name in named_pages():
        for arguments in [(), *((value,) for value in values)]:
            try:
                found.add(reverse(name, args=arguments))
            except NoReverseMatch:
                continue
    return found


@pytest.mark.defect("CE-12", "CE-19")
@pytest.mark.parametrize(
    ("who", "at"),
    [
        *[("student", at) for at in (START - timedelta(days=1, hours=1), INSIDE, START + timedelta(days=2))],
        *[(who, INSIDE) for who in ("tutor", "payer", "stranger", "staff", "anonymous")],
    ],
)
def test_no_page_shows_the_raw_address(booking: Booking, kim, root, who: str, at: datetime):
    people: dict[str, User] = {
        "student": booking.student,
        "tutor": booking.tutor.user,
        "payer": booking.order.payer,
        "stranger": kim,
        "staff": root,
    }
    door = reverse("meetings:join", args=[booking.reference])
    paths = paths_for(booking)
    assert {door, booking.get_absolute_url(), reverse("bookings:booking_list"), "/"} <= paths
    shown, client = [], Client()
    if who in people:
        client.force_login(people[who])
    for path in sorted(paths):
        with time_machine.travel(at, tick=False):
            answer = client.get(path, headers={"HX-Request": "true"} if path.endswith("/meeting/") else {})
        if SECRET in answer.content.decode(errors="replace") + str(answer.headers):
            shown.append(path)
    assert ("_auth_user_id" in client.session) is (who in people)  # no page has logged them out on the way
    lets_in = who in ("student", "tutor") and at == INSIDE
    assert shown == ([door] if lets_in else [])


@pytest.mark.defect("CE-16")
def test_no_address_exists_that_nobody_gave(booking: Booking, django_capture_on_commit_callbacks, drain: Drain):
    """With an empty pool a paid session has no address at all, rather than a made-up one."""
    other = make_booking(make_user(), booking.tutor, during=During(START, START + timedelta(hours=1)), status="expired")
    Booking.objects.filter(pk=booking.pk).update(status="completed")
    Booking.objects.filter(pk=other.pk).update(status="paid")
    with django_capture_on_commit_callbacks(execute=True):
        send_after_commit(booking_paid, Booking, booking=other)
    drain()
    meeting = Meeting.objects.get(booking=other)
    assert (meeting.address_for(is_tutor=True), meeting.address_for(is_tutor=False)) == ("", "")


def test_no_mail_and_no_command_tells_the_raw_address(
    booking: Booking, settings, capsys, caplog, django_capture_on_commit_callbacks, drain: Drain
):
    settings.ADMINS = [("Root", "root@example.com")]
    waiting = make_booking(make_user(), booking.tutor, during=During(START + timedelta(hours=3), START + timedelta(hours=4)))
    Booking.objects.filter(pk=waiting.pk).update(status="paid")
    MeetingLink.objects.update(status="cordoned")
    with django_capture_on_commit_callbacks(execute=True):
        make_round(timezone.now())
        send_after_commit(booking_cancelled, Booking, booking=booking)
    drain()
    call_command("provision_meetings")
    call_command("pool_status")
    watch(timezone.now())
    assert mail.outbox
    written = [f"{letter.subject} {letter.body}" for letter in mail.outbox] + [capsys.readouterr().out, caplog.text]
    assert not [text for text in written if SECRET in text]
