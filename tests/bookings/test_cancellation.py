"""Sessions are called off: what is told before, and everything that follows, at once or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.errors import NotCancellable, NotFound, OrderNotPayable, ReasonMissing, TermsChanged
from bookings.holds import place_hold
from bookings.models import Booking, Change, Notice, Order, SessionType, Tutor, User
from bookings.money import Money
from bookings.orders import mark_order_paid, place_order
from bookings.policies import Rule
from bookings.signals import booking_cancelled, refund_due
from meetings.no_shows import report_absence
from tests.factories import an_hour, make_booking, make_held, make_order, make_user, tomorrow

pytestmark = pytest.mark.django_db
Status = Booking.Status
NOTHING, HALF, ALL = Money(0, "IDR"), Money(75_000, "IDR"), Money(150_000, "IDR")


@pytest.fixture
def news() -> Iterator[list[tuple[str, str, Any]]]:
    """What was told after the commit: the news, the booking, the amount."""
    heard: list[tuple[str, str, Any]] = []

    def hear_cancelled(booking: Booking, **_news: Any) -> None:
        heard.append(("cancelled", booking.reference, None))

    def hear_refund(booking: Booking, amount: Money, **_news: Any) -> None:
        heard.append(("refund", booking.reference, amount))

    booking_cancelled.connect(hear_cancelled)
    refund_due.connect(hear_refund)
    yield heard
    booking_cancelled.disconnect(hear_cancelled)
    refund_due.disconnect(hear_refund)


@pytest.fixture
def parent(db: None) -> User:
    return make_user("parent@example.com")


@pytest.fixture
def paid(ada: Tutor, sam: User, parent: User) -> Booking:
    """Sam's session with Ada in three days, which a parent paid."""
    order = make_order(parent, status=Order.Status.PAID)
    return make_booking(sam, ada, during=an_hour(tomorrow(days=3)), status=Status.PAID, order=order)


def at(booking: Booking, *, hours_before: float) -> time_machine.travel:
    return time_machine.travel(booking.starts_at - timedelta(hours=hours_before), tick=False)


def facts(booking: Booking) -> tuple[Any, ...]:
    booking.refresh_from_db()
    return booking.status, booking.refund, booking.sequence, booking.cancelled_by, booking.cancel_reason


@pytest.mark.parametrize(
    ("who", "hours_before", "rule", "back"),
    [
        ("sam", 24, Rule.IN_TIME, ALL),
        ("parent", 23.9, Rule.LATE, HALF),
        ("sam", -0.5, Rule.BEGUN, NOTHING),
        ("ada", 0.1, Rule.NOT_THE_STUDENT, ALL),
        ("ada", -0.5, Rule.NOT_THE_STUDENT, ALL),
        ("root", -0.5, Rule.NOT_THE_STUDENT, ALL),
    ],
)
def test_cancellation_gives_back_what_its_preview_said(
    paid, ada, sam, parent, root, news, django_capture_on_commit_callbacks, who, hours_before, rule, back
):
    make_held(paid)
    person = {"sam": sam, "parent": parent, "ada": ada.user, "root": root}[who]
    with at(paid, hours_before=hours_before):
        asked = preview_cancellation(paid, person)
        with django_capture_on_commit_callbacks(execute=True):
            cancel_booking(paid, who=person, why="I am ill", seen=asked.back)

    assert (asked.may_be, asked.rule, asked.paid, asked.back) == (True, rule, ALL, back)
    assert facts(paid) == (Status.CANCELLED, back.amount, 1, person, "I am ill")
    refunds = [("refund", paid.reference, back)] if back.amount else []
    assert [one for one in news if one[0] == "refund"] == refunds
    assert ("cancelled", paid.reference, None) in news


def test_cancellation_leaves_its_line_and_tells_everybody_concerned(paid, ada, sam, parent):
    cancel_booking(paid, who=ada.user, why="  The tutor is ill ", seen=ALL)

    line = Change.objects.get(booking=paid)
    assert (line.what, line.was, line.became, line.who, line.why) == (
        "status",
        "paid",
        "cancelled",
        ada.user,
        "The tutor is ill",
    )
    told = Notice.objects.filter(fact=Notice.Fact.CANCELLED, booking=paid)
    assert {notice.to for notice in told} == {sam, parent, ada.user}
    assert {notice.details["why"] for notice in told} == {"The tutor is ill"}


@pytest.mark.defect("TB-17", "IT-27")
def test_second_cancellation_changes_nothing(paid, sam, ada, news, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(paid, who=sam, seen=ALL)
    once = facts(paid)
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(paid, who=sam, seen=ALL)
        cancel_booking(paid, who=ada.user, why="Me too", seen=NOTHING)

    assert facts(paid) == once
    assert news == [("cancelled", paid.reference, None), ("refund", paid.reference, ALL)]
    assert Change.objects.filter(booking=paid).count() == 1


@pytest.mark.defect("IT-27")
def test_cancellation_is_whole_or_not_at_all(paid, sam):
    """The last thing that is written fails: nothing of the rest stands."""

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('INSERT INTO "bookings_notice"'):
            raise RuntimeError("the database went away")
        return execute(sql, params, many, context)

    with pytest.raises(RuntimeError), connection.execute_wrapper(fail):
        cancel_booking(paid, who=sam, seen=ALL)

    assert facts(paid) == (Status.PAID, None, 0, None, "")
    assert not Change.objects.exists()


def test_cancellation_at_other_terms_than_were_seen_does_nothing(paid, sam):
    seen = preview_cancellation(paid, sam).back
    with at(paid, hours_before=5), pytest.raises(TermsChanged):
        cancel_booking(paid, who=sam, seen=seen)
    assert facts(paid) == (Status.PAID, None, 0, None, "")


@pytest.mark.parametrize("why", ["", "   "])
def test_tutor_and_staff_say_why(paid, ada, root, why):
    for person in (ada.user, root):
        with pytest.raises(ReasonMissing):
            cancel_booking(paid, who=person, why=why, seen=ALL)
    assert facts(paid)[0] == Status.PAID


@pytest.mark.defect("TB-16")
def test_strangers_and_clerks_cannot_cancel_nor_learn_the_terms(paid, kim):
    for stranger in (kim, make_user(is_staff=True)):
        with pytest.raises(NotFound):
            preview_cancellation(paid, stranger)
        with pytest.raises(NotFound):
            cancel_booking(paid, who=stranger, why="mine", seen=ALL)


def test_admin_who_takes_part_has_a_students_rights(ada, root):
    booking = make_booking(root, ada, during=an_hour(tomorrow(days=3)), status=Status.PAID)
    with at(booking, hours_before=2):
        assert preview_cancellation(booking, root).back == HALF


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.EXPIRED, Status.DECLINED, Status.NO_SHOW_TUTOR])
def test_session_that_is_no_more_cannot_be_cancelled(ada, sam, status):
    booking = make_booking(sam, ada, status=status)
    with pytest.raises(NotCancellable):
        cancel_booking(booking, who=ada.user, why="ill", seen=NOTHING)


def test_session_is_cancelled_until_its_end_and_no_longer(paid, ada):
    with time_machine.travel(paid.ends_at, tick=False), pytest.raises(NotCancellable, match="over"):
        cancel_booking(paid, who=ada.user, why="ill", seen=ALL)


def test_session_with_a_report_of_absence_is_left_to_the_decision(paid, sam, ada, root):
    """Nobody cancels for nothing, or for everything, what is being decided about."""
    make_held(paid)
    with at(paid, hours_before=-0.5):
        report_absence(paid, who=sam, statement="I have been waiting for half an hour now.")
        for person in (sam, ada.user, root):
            with pytest.raises(NotCancellable, match="reported absent"):
                cancel_booking(paid, who=person, why="so", seen=preview_cancellation(paid, person).back)


@pytest.mark.defect("TB-16", "TB-17", "IT-12", "IT-20")
@pytest.mark.parametrize(
    ("price", "discount", "back"),
    [(150_000, 0, 75_000), (150_001, 0, 75_000), (150_000, 50_001, 49_999), (150_000, 150_000, 0), (0, 0, 0)],
)
def test_only_what_was_paid_comes_back(ada, sam, news, django_capture_on_commit_callbacks, price, discount, back):
    booking = make_booking(sam, ada, status=Status.PAID, price=price, discount=discount)
    with at(booking, hours_before=1), django_capture_on_commit_callbacks(execute=True):
        cancel_booking(booking, who=sam, seen=Money(back, "IDR"))
    assert facts(booking)[:2] == (Status.CANCELLED, back)
    assert [one[2].amount for one in news if one[0] == "refund"] == ([back] if back else [])


@pytest.mark.defect("IT-28")
def test_freed_slot_is_bookable_at_once_for_the_student_too(maths: SessionType, sam: User, kim: User):
    for student in (sam, sam, kim):
        order = mark_order_paid(place_order(place_hold(maths, starts_at=tomorrow(days=2), student=student).order))
        booking = order.bookings.get()
        cancel_booking(booking, who=student, seen=booking.net)
    assert Booking.objects.filter(status=Status.CANCELLED).count() == 3


def test_unpaid_order_is_given_up_with_its_only_session(maths: SessionType, sam: User, news):
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)
    booking = order.bookings.get()

    cancel_booking(booking, who=sam, seen=NOTHING)

    order.refresh_from_db()
    assert (order.status, *facts(booking)[:2]) == (Order.Status.CANCELLED, Status.CANCELLED, None)
    with pytest.raises(OrderNotPayable):  # money that comes all the same is owed back by whoever records it
        mark_order_paid(order)
    assert set(Notice.objects.values_list("to", "fact")) == {(sam.pk, "cancelled")}  # Ada never heard of a mere hold


def test_unpaid_order_of_several_is_given_up_as_a_whole_by_its_payer_only(maths: SessionType, sam: User, ada: Tutor):
    for hour in (9, 11):
        cart = place_hold(maths, starts_at=tomorrow(hour), student=sam).order
    order = place_order(cart)
    first, second = order.bookings.order_by("during")

    with pytest.raises(NotCancellable, match="together with others"):
        cancel_booking(first, who=ada.user, why="ill", seen=NOTHING)
    assert preview_cancellation(first, sam).along == [second]
    cancel_booking(first, who=sam, seen=NOTHING)

    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    for booking in (first, second):
        assert facts(booking)[0] == Status.CANCELLED
        assert booking.cancelled_at is not None  # it stands in the list of what was cancelled


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.ACCEPTED])
def test_request_is_withdrawn_and_everybody_is_told(ada, sam, status):
    order = make_order(sam)
    booking = make_booking(sam, ada, status=status, order=order)
    cancel_booking(booking, who=sam, seen=NOTHING)
    order.refresh_from_db()
    assert (facts(booking)[0], order.status) == (Status.CANCELLED, Order.Status.CANCELLED)
    assert {notice.to for notice in Notice.objects.all()} == {sam, ada.user}


def test_time_in_a_cart_or_kept_too_long_is_not_cancelled(maths: SessionType, ada: Tutor, sam: User):
    hold = place_hold(maths, starts_at=tomorrow(), student=sam)
    with pytest.raises(NotCancellable, match="cart"):
        cancel_booking(hold, who=sam, seen=NOTHING)
    lapsed = make_booking(sam, ada, during=an_hour(tomorrow(15)), held_until=timezone.now())
    with pytest.raises(NotCancellable, match="time to pay is over"):
        cancel_booking(lapsed, who=sam, seen=NOTHING)


@pytest.mark.parametrize("person", ["sam", "ada"])
def test_preview_of_a_paid_session_asks_the_database_nothing(paid, person, sam, ada):
    booking = Booking.objects.with_people().get(pk=paid.pk)
    with CaptureQueriesContext(connection) as queries:
        preview_cancellation(booking, {"sam": sam, "ada": ada.user}[person])
    assert len(queries) == 0
