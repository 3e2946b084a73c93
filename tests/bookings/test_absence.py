from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.absence import Verdict, record_absence
from bookings.errors import AbsenceDecided, AbsenceTooEarly, BookingNotPaid
from bookings.models import Booking, Notice
from bookings.signals import refund_due
from bookings.times import During
from tests.factories import make_booking, make_order, make_user

pytestmark = pytest.mark.django_db
ALL = list(Verdict)
STATUS = {
    Verdict.STUDENT_ABSENT: "no_show_student",
    Verdict.TUTOR_ABSENT: "no_show_tutor",
    Verdict.UNCLEAR: "cancelled",
    Verdict.NO_ROOM: "cancelled",
    Verdict.TOOK_PLACE: "completed",
}
BACK = {
    Verdict.STUDENT_ABSENT: 0,
    Verdict.TUTOR_ABSENT: 150_000,
    Verdict.UNCLEAR: 150_000,
    Verdict.NO_ROOM: 150_000,
    Verdict.TOOK_PLACE: None,
}


@pytest.fixture
def heard():
    """The money that was said to be due."""
    news = []

    def hear(sender, order, amount, reason, **kwargs):
        news.append((order.reference, amount.amount, reason))

    refund_due.connect(hear)
    yield news
    refund_due.disconnect(hear)


def over(sam, ada, *, hours=2, status="completed", **fields) -> Booking:
    """An hour's session that began so many hours ago."""
    began = timezone.now() - timedelta(hours=hours)
    return make_booking(sam, ada, during=During(began, began + timedelta(hours=1)), status=status, **fields)


@pytest.mark.parametrize("verdict", ALL)
@pytest.mark.parametrize("status", ["paid", "completed"])
def test_verdict_becomes_the_state_of_the_booking_and_moves_the_money(
    sam, ada, root, heard, django_capture_on_commit_callbacks, verdict, status
):
    booking = over(sam, ada, status=status)
    with django_capture_on_commit_callbacks(execute=True):
        record_absence(booking, verdict=verdict, who=root, why="Looked into it.")
    booking.refresh_from_db()
    assert booking.status == (status if verdict is Verdict.TOOK_PLACE else STATUS[verdict])
    assert booking.refund == BACK[verdict]
    why = "cancelled" if verdict is Verdict.NO_ROOM else "absent"
    assert heard == ([(booking.order.reference, 150_000, why)] if BACK[verdict] else [])
    assert [(c.what, c.became, c.who) for c in booking.changes.all()] == [("absence", verdict.value, root)]


@pytest.mark.parametrize("verdict", ALL)
def test_same_verdict_again_changes_nothing(sam, ada, root, heard, django_capture_on_commit_callbacks, verdict):
    booking = over(sam, ada)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            record_absence(booking, verdict=verdict, who=root, why="Looked into it.")
    assert len(heard) == (1 if BACK[verdict] else 0)
    assert Notice.objects.filter(fact="absence_decided").count() == 2  # student and tutor, each once


@pytest.mark.defect("IT-12")
def test_free_session_is_decided_about_without_any_payment(sam, ada, root, heard, django_capture_on_commit_callbacks):
    booking = over(sam, ada, discount=150_000)
    with django_capture_on_commit_callbacks(execute=True):
        record_absence(booking, verdict=Verdict.TUTOR_ABSENT, who=root, why="The tutor was ill.")
    booking.refresh_from_db()
    assert (booking.status, booking.refund, heard) == ("no_show_tutor", 0, [])


def test_share_of_the_discount_does_not_come_back(sam, ada, root):
    booking = record_absence(over(sam, ada, discount=50_000), verdict=Verdict.UNCLEAR, who=root, why="Nobody knows.")
    assert booking.money_back.amount == 100_000


def test_other_verdict_after_a_verdict_is_refused(sam, ada, root):
    booking = over(sam, ada)
    record_absence(booking, verdict=Verdict.STUDENT_ABSENT, who=root, why="Nobody came.")
    with pytest.raises(AbsenceDecided):
        record_absence(booking, verdict=Verdict.TUTOR_ABSENT, who=root, why="Or did they?")
    booking.refresh_from_db()
    assert (booking.status, booking.refund) == ("no_show_student", 0)


@pytest.mark.parametrize("status", ["held", "requested", "accepted", "expired", "declined"])
def test_unpaid_session_has_no_absence(sam, ada, root, status):
    with pytest.raises(BookingNotPaid):
        record_absence(over(sam, ada, status=status), verdict=Verdict.TUTOR_ABSENT, who=root, why="Why not.")


def test_session_cancelled_by_the_student_is_not_decided_about(sam, ada, root):
    with pytest.raises(AbsenceDecided):
        record_absence(over(sam, ada, status="cancelled", refund=0), verdict=Verdict.UNCLEAR, who=root, why="Why not.")


@pytest.mark.defect("IT-13")
def test_nobody_is_absent_before_the_wait_is_over(sam, ada, root, settings):
    settings.NO_SHOW_WAIT_MINUTES = 15
    began = timezone.now() - timedelta(minutes=14)
    booking = make_booking(sam, ada, during=During(began, began + timedelta(hours=1)), status="paid")
    with pytest.raises(AbsenceTooEarly):
        record_absence(booking, verdict=Verdict.TUTOR_ABSENT, who=root, why="Late.")
    settings.NO_SHOW_WAIT_MINUTES = 13
    assert record_absence(booking, verdict=Verdict.TUTOR_ABSENT, who=root, why="Late.").status == "no_show_tutor"


def test_payer_who_is_not_the_student_is_told_too(sam, ada, root):
    parent = make_user("parent@example.com")
    booking = over(sam, ada, order=make_order(parent, status="paid"))
    record_absence(booking, verdict=Verdict.TUTOR_ABSENT, who=root, why="Ill.")
    told = Notice.objects.filter(fact="absence_decided", booking=booking)
    assert {notice.to for notice in told} == {sam, ada.user, parent}
