"""The sessions of the demo: one that starts in minutes, one tomorrow, one to be paid, and some that are over."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from bookings import times
from bookings.asking import request_booking
from bookings.availability import open_slots
from bookings.history import record_booking_change
from bookings.holds import Wanted, save_guarded
from bookings.models import Booking, Order, SessionType
from bookings.orders import expire_unpaid, mark_order_paid, order_at_once
from bookings.times import During
from config.demo.people import Cast
from meetings.models import Meeting, MeetingLink
from payments.models import Payment

MESSAGE = "I have a job interview in German in three weeks. Could we practise talking about my work?"
FIVE_MINUTES = timedelta(minutes=5)
# A session of 30 minutes that began this long ago is replaced by one that starts at its end, inside the join window.
TOO_FAR_GONE = timedelta(minutes=15)


def make_session_that_starts_soon(cast: Cast) -> Booking:
    """Return a paid session of the student with the first tutor, a few minutes ahead; make one if there is none.

    One that began at most TOO_FAR_GONE ago is still good. While either of the two is busy the next one comes later.
    """
    now = timezone.now()
    expire_unpaid(now=now)  # a hold that ran out would still be in the way of the constraint
    wanted = Wanted(cast.maths.session_types.get(slug="quick-question"), _soon(now))
    while in_the_way := _find_in_the_way(cast, wanted):
        for booking in in_the_way:
            if booking.is_paid and _is_of_both(booking, cast) and booking.starts_at > now - TOO_FAR_GONE:
                return booking
        wanted = Wanted(wanted.session_type, wanted.starts_at + FIVE_MINUTES)
    order = _order_off_the_grid(cast, wanted)
    return pay(order, at=timezone.now()).bookings.get()


def make_session_tomorrow(cast: Cast) -> Booking:
    """Return a paid session of the student on a later day; book one for tomorrow, or the next day with an open slot."""
    zone = times.parse_zone(cast.student.time_zone)
    today = times.local(timezone.now(), zone).date()
    later = times.day_bounds(today + times.ONE_DAY, today + 14 * times.ONE_DAY, zone)
    lesson = cast.maths.session_types.get(slug="maths-lesson")
    # The one that starts in minutes is of another type: shortly before midnight it is on a later day as well.
    ahead = lesson.bookings.paid().filter(student=cast.student, during__startswith__range=(later.start, later.end))
    found = ahead.order_by("during").first()
    if found is not None:
        return found
    order = _order_first_open(cast, lesson, within=later)
    return pay(order, at=timezone.now()).bookings.get()


def make_order_that_waits(cast: Cast) -> Order:
    """Return an order of the student that waits for payment; place one if there is none."""
    now = timezone.now()
    found = Order.objects.to_pay(now).filter(payer=cast.student).first()
    if found is not None:
        return found
    session_type = cast.maths.session_types.get(slug="exam-preparation")
    return _order_first_open(cast, session_type, within=During(now, now + 14 * times.ONE_DAY))


def make_request_that_waits(cast: Cast) -> Booking | None:
    """Return a request of the student that waits for an answer; ask the second tutor, who approves first, if none does.

    None where that tutor was made to take bookings as they come, or has no open time.
    """
    now = timezone.now()
    asked = Booking.objects.filter(student=cast.student, status=Booking.Status.REQUESTED, held_until__gt=now)
    if (found := asked.first()) is not None or not cast.languages.approves_first:
        return found
    session_type = cast.languages.session_types.get(slug="conversation")
    within = During(now + 2 * times.ONE_DAY, now + 14 * times.ONE_DAY)
    slots = open_slots(session_type, within=within, student=cast.student)
    if not slots:
        return None
    return request_booking(session_type, starts_at=slots[0].start, student=cast.student, message=MESSAGE)


def make_history(cast: Cast, links: list[MeetingLink]) -> None:
    """Make two sessions that are over, once, as if they had been booked and held weeks ago."""
    if Booking.objects.filter(student=cast.student, status=Booking.Status.COMPLETED).exists():
        return
    make_past_session(cast, cast.maths.session_types.get(slug="maths-lesson"), link=links[0], days_ago=9)
    make_past_session(cast, cast.languages.session_types.get(slug="german-lesson"), link=links[1], days_ago=4)


def _soon(now: datetime) -> datetime:
    """The five-minute mark six to eleven minutes ahead."""
    earliest = now + timedelta(minutes=6)
    return earliest.replace(minute=earliest.minute // 5 * 5, second=0, microsecond=0) + FIVE_MINUTES


def _find_in_the_way(cast: Cast, wanted: Wanted) -> list[Booking]:
    """Return the bookings that take this time from the tutor or from the student."""
    active = Booking.objects.active()
    of_tutor = active.filter(tutor=cast.maths).blocks_overlapping(wanted.blocks)
    of_student = active.filter(student=cast.student).overlapping(wanted.during)
    return [*of_tutor, *of_student]


def _is_of_both(booking: Booking, cast: Cast) -> bool:
    return booking.student_id == cast.student.pk and booking.tutor_id == cast.maths.pk


def _order_off_the_grid(cast: Cast, wanted: Wanted) -> Order:
    """Place an order for a start that no student could choose: it lies between the slots and gives no notice."""
    order = _new_order(cast, wanted.session_type, at=timezone.now())
    save_guarded(_new_booking(cast, order, wanted))
    return order


def _order_first_open(cast: Cast, session_type: SessionType, *, within: During) -> Order:
    slots = open_slots(session_type, within=within, student=cast.student)
    return order_at_once([Wanted(session_type, slots[0].start)], student=cast.student)


def make_past_session(cast: Cast, session_type: SessionType, *, link: MeetingLink, days_ago: int) -> Booking:
    """Make a session that is over, as if it had been booked and paid two days before it."""
    now = timezone.now()
    starts_at = now.replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    ordered_at = starts_at - timedelta(days=2)
    order = _new_order(cast, session_type, at=ordered_at)
    wanted = Wanted(session_type, starts_at)
    booking = _new_booking(cast, order, wanted)
    booking.status, booking.held_until = Booking.Status.COMPLETED, None
    booking.save()
    order.mark_paid(at=ordered_at)
    order.save(update_fields=["status", "paid_at"])
    _record_sandbox_payment(order, at=ordered_at)
    _record_past_meeting(booking, wanted.during, link)
    record_booking_change(booking, what="status", was=Booking.Status.PAID, became=booking.status, why="made for the demo")
    return Booking.objects.select_related("order", "student").get(pk=booking.pk)


def _record_past_meeting(booking: Booking, during: During, link: MeetingLink) -> None:
    rest = timedelta(minutes=settings.LINK_BUFFER_MINUTES)
    Meeting.objects.create(
        booking=booking,
        provider="pool",
        told_provider="pool",
        link=link,
        during=(during.start, during.end),
        reserved=(during.start, during.end + rest),
        status=Meeting.Status.ENDED,
        attempts=1,
        requested_at=during.start - 2 * times.ONE_DAY,
        ready_at=during.start - 2 * times.ONE_DAY,
    )


def _new_order(cast: Cast, session_type: SessionType, *, at: datetime) -> Order:
    return Order.objects.create(
        payer=cast.student,
        status=Order.Status.AWAITING_PAYMENT,
        total=session_type.price,
        currency=session_type.currency,
        placed_at=at,
        expires_at=at + timedelta(minutes=settings.PAYMENT_MINUTES),
    )


def _new_booking(cast: Cast, order: Order, wanted: Wanted) -> Booking:
    session_type = wanted.session_type
    return Booking(
        order=order,
        student=cast.student,
        tutor=session_type.tutor,
        session_type=session_type,
        name=session_type.name,
        minutes=session_type.minutes,
        price=session_type.price,
        currency=session_type.currency,
        during=(wanted.during.start, wanted.during.end),
        blocks=(wanted.blocks.start, wanted.blocks.end),
        held_until=order.expires_at,
    )


def pay(order: Order, *, at: datetime) -> Order:
    """Pay as the sandbox gateway would, so that jobs and meetings arise as they always do."""
    _record_sandbox_payment(order, at=at)
    return mark_order_paid(order, why="paid in the demo")


def _record_sandbox_payment(order: Order, *, at: datetime) -> None:
    reference = f"PAY-{order.reference.removeprefix('OR-')}-1"
    payment = Payment(
        order=order,
        number=1,
        reference=reference,
        gateway="sandbox",
        amount=order.total,
        currency=order.currency,
        external_id=f"demo-{order.reference}",
        method="sandbox",
        expires_at=at + timedelta(minutes=settings.PAYMENT_MINUTES),
    )
    payment.mark_succeeded(at=at, received=payment.money)
    payment.save()
