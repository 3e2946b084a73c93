"""The demo: everything to look at is there after one run, and nothing twice after two."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from bookings.api_keys import digest_key
from bookings.families import end_link
from bookings.models import ApiKey, Booking, Change, Order, PromoCode, SessionType, StudentLink, Tutor, User, WeeklyHours
from config.demo import load_demo
from config.demo.people import LINKS
from meetings.models import Meeting, MeetingLink
from payments.models import Earning, Payment, Payout, Refund
from payments.proofs import prove_books
from payments.statements import balances_of
from tests.race import race

COUNTED = [User, EmailAddress, Tutor, SessionType, PromoCode, WeeklyHours, ApiKey, MeetingLink, Order, Booking, Payment]
COUNTED += [Earning, Payout, Refund]


def count_rows() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in COUNTED}


def later(monkeypatch: pytest.MonkeyPatch, **amount: int) -> None:
    """Let the clock of the site stand that much later."""
    moment = timezone.now() + timedelta(**amount)
    monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.mark.django_db
def test_demo_has_sessions_in_every_state():
    demo = load_demo()

    minutes = (demo.soon.starts_at - timezone.now()) / timedelta(minutes=1)
    assert 5 < minutes <= 11
    assert demo.soon.can_be_joined(timezone.now())
    assert (demo.soon.student.email, demo.soon.tutor.user.email) == ("student@example.com", "tutor1@example.com")
    assert demo.tomorrow.is_paid
    assert timedelta(0) < demo.tomorrow.starts_at - timezone.now() < timedelta(days=2)
    assert demo.waiting.is_awaiting_payment
    assert demo.asked is not None
    assert demo.asked.waits_for_tutor
    assert (demo.asked.tutor.user.email, demo.asked.tutor.approves_first) == ("tutor2@example.com", True)
    assert not demo.soon.tutor.approves_first
    assert Booking.objects.filter(status=Booking.Status.COMPLETED).count() == 4
    assert PromoCode.objects.get(code="WELCOME10", is_active=True).percent == 10
    assert SessionType.objects.get(first_one_free=True).name == "Trial lesson"
    assert list(MeetingLink.objects.available().values_list("url", flat=True)) == list(LINKS)
    assert ApiKey.objects.get(digest=digest_key("demo-service-key")).scopes == list(ApiKey.Scope.values)


@pytest.mark.django_db
def test_demo_has_a_parent_who_booked_for_a_child():
    booked = load_demo().childs

    assert booked is not None
    assert (booked.student.email, booked.order.payer.email) == ("child@example.com", "parent@example.com")
    assert booked.is_paid
    assert load_demo().childs == booked


@pytest.mark.django_db
def test_demo_leaves_a_family_alone_that_somebody_has_parted():
    booked = load_demo().childs
    assert booked is not None
    Booking.objects.filter(pk=booked.pk).update(status=Booking.Status.COMPLETED)
    end_link(StudentLink.objects.standing().get(), who=booked.student)

    assert load_demo().childs is None


@pytest.mark.django_db
def test_demo_sessions_are_paid_for_at_the_sandbox():
    demo = load_demo()

    for booking in (demo.soon, demo.tomorrow):
        [payment] = booking.order.payments.all()
        assert (payment.gateway, payment.status, payment.received) == ("sandbox", "succeeded", booking.order.money)
        assert booking.order.is_paid
        assert Change.objects.filter(booking=booking, became=Booking.Status.PAID).count() == 1


@pytest.mark.django_db
def test_demo_has_books_that_add_up():
    tutor = load_demo().soon.tutor

    (balance,) = balances_of(tutor, now=timezone.now())

    assert prove_books(before=timezone.now() + timedelta(seconds=1)) == []
    assert [payout.status for payout in Payout.objects.all()] == ["paid"]
    assert Refund.objects.get().receipt_number
    for money in (balance.paid_out, balance.due, balance.to_come):
        assert money.amount > 0


@pytest.mark.django_db
def test_demo_run_again_changes_nothing():
    first = load_demo()
    before = count_rows()

    again = load_demo()

    assert count_rows() == before
    assert again == first


@pytest.mark.django_db
@pytest.mark.parametrize("hour", range(0, 24, 4))
def test_demo_run_a_day_later_has_everything_to_come_again(hour):
    with time_machine.travel(datetime(2026, 11, 18, hour, 23, tzinfo=UTC), tick=False) as clock:
        first = load_demo()
        clock.shift(timedelta(days=1, hours=3))

        again = load_demo()
        now = timezone.now()

    assert again.soon != first.soon
    assert again.waiting != first.waiting
    assert again.tomorrow.starts_at > now
    # Whoever teaches or learns at this minute has the next session after it, with a pause, and not later.
    busy = Booking.objects.filter(during__contains=(now, now + timedelta(minutes=1))).exclude(pk=again.soon.pk)
    assert again.soon.starts_at < now + timedelta(minutes=100 if busy else 11)


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", range(0, 75, 5))
def test_demo_always_has_a_session_to_join(monkeypatch, minutes):
    load_demo()
    later(monkeypatch, minutes=minutes)

    again = load_demo()

    assert again.soon.can_be_joined(timezone.now())
    assert timezone.now() - again.soon.starts_at < timedelta(minutes=16)


@pytest.mark.django_db
def test_demo_keeps_what_people_changed():
    load_demo()
    student = User.objects.get(email="student@example.com")
    student.full_name = "Somebody Else"
    student.set_password("my own words")
    student.save()
    MeetingLink.objects.update(status=MeetingLink.Status.RETIRED, label="mine")
    ApiKey.objects.update(revoked_at=timezone.now())
    SessionType.objects.update(price=1)

    load_demo()

    student.refresh_from_db()
    assert student.full_name == "Somebody Else"
    assert student.check_password("my own words")
    assert set(MeetingLink.objects.values_list("status", "label")) == {("retired", "mine")}
    assert ApiKey.objects.filter(revoked_at=None).count() == 0
    assert set(SessionType.objects.values_list("price", flat=True)) == {1}


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["student", "tutor1", "tutor2", "admin"])
def test_demo_people_can_log_in(email):
    load_demo()
    client = Client()

    client.post("/accounts/login/", {"login": f"{email}@example.com", "password": "demo"})

    assert client.session["_auth_user_id"] == str(User.objects.get(email=f"{email}@example.com").pk)


@pytest.mark.django_db
def test_demo_sessions_get_their_meetings_by_the_real_way(django_capture_on_commit_callbacks, drain):
    with django_capture_on_commit_callbacks(execute=True):
        demo = load_demo()
    drain()

    meetings = Meeting.objects.filter(booking__in=[demo.soon, demo.tomorrow])
    assert [(meeting.status, meeting.link_id is not None) for meeting in meetings] == [("ready", True)] * 2


@pytest.mark.django_db
def test_demo_shortly_before_midnight_has_both_sessions_to_come():
    """The session that starts in minutes is on a later day then, and is not the one of tomorrow."""
    today = timezone.localdate(timezone=ZoneInfo("Asia/Jakarta")) + timedelta(days=1)
    with time_machine.travel(datetime.combine(today, time(23, 54), ZoneInfo("Asia/Jakarta")), tick=False):
        demo = load_demo()
    assert demo.soon != demo.tomorrow
    assert count_rows()["Booking"] == 10


@pytest.mark.django_db(transaction=True)
def test_demo_loaded_twice_at_once_makes_everything_once():
    outcomes = race(lambda number: load_demo(), threads=3)

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert len({outcome.value.soon for outcome in outcomes}) == 1
    assert count_rows() == {
        "User": 6,
        "EmailAddress": 6,
        "Tutor": 2,
        "SessionType": 7,
        "PromoCode": 1,
        "WeeklyHours": 21,
        "ApiKey": 1,
        "MeetingLink": 3,
        "Order": 11,  # the request's own order, and the cart that every payer has
        "Booking": 10,
        "Payment": 8,
        "Earning": 8,
        "Payout": 1,
        "Refund": 1,
    }


@pytest.mark.django_db
def test_demo_command_tells_the_logins(settings):
    settings.DEBUG = True
    out = StringIO()

    call_command("demo_data", stdout=out)

    for word in ("student@example.com", "tutor1@example.com", "tutor2@example.com", "admin@example.com", "“demo”"):
        assert word in out.getvalue()
    assert "can join now" in out.getvalue()


@pytest.mark.django_db
def test_demo_is_refused_without_debug(settings):
    settings.DEBUG = False  # said here although tests run so anyway: it is what this one is about

    with pytest.raises(CommandError, match="needs DEBUG=1"):
        call_command("demo_data")

    assert count_rows() == dict.fromkeys(count_rows(), 0)
