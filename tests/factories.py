"""Plain functions that make rows. What a test does not say is ordinary: tomorrow noon, one hour, Rp150,000."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from bookings.models import Booking, Order, PromoCode, SessionType, StudentLink, Tutor, User, WeeklyHours
from bookings.times import During
from meetings.models import Meeting, MeetingLink
from payments.models import Payment

_numbers = count(1)


def make_user(email: str = "", **fields: Any) -> User:
    email = email or f"person{next(_numbers)}@example.com"
    return User.objects.create_user(email, "secret-words", **{"full_name": email.split("@")[0].title(), **fields})


def give_leave(*, payer: User, student: User) -> StudentLink:
    """The student has agreed that this person books and pays for them."""
    now = timezone.now()
    times = {"expires_at": now + timedelta(days=14), "accepted_at": now}
    return StudentLink.objects.create(payer=payer, student=student, email=student.email, digest=f"{next(_numbers)}", **times)


def make_tutor(user: User | None = None, **fields: Any) -> Tutor:
    """A listed tutor who teaches around the clock in UTC, without notice."""
    user = user or make_user()
    hours = fields.pop("hours", [(day, time(0), time(0)) for day in range(7)])
    defaults = {"slug": user.email.split("@")[0], "is_approved": True, "time_zone": "UTC", "notice_minutes": 0}
    tutor = Tutor.objects.create(user=user, **{**defaults, **fields})
    WeeklyHours.objects.bulk_create(
        WeeklyHours(tutor=tutor, weekday=day, starts=starts, ends=ends) for day, starts, ends in hours
    )
    return tutor


def make_session_type(tutor: Tutor, **fields: Any) -> SessionType:
    defaults = {"slug": f"lesson-{next(_numbers)}", "name": "Maths lesson", "minutes": 60, "price": 150_000}
    return SessionType.objects.create(tutor=tutor, **{**defaults, **fields})


def make_code(code: str = "TEN", **fields: Any) -> PromoCode:
    """A code that takes ten percent off, as often as anybody likes."""
    kind = fields.setdefault("kind", PromoCode.Kind.PERCENT)
    defaults: dict[str, Any] = {"uses_per_person": None, "percent": 10 if kind == PromoCode.Kind.PERCENT else None}
    if kind == PromoCode.Kind.FIXED:
        defaults |= {"amount": 50_000, "currency": "IDR"}
    return PromoCode.objects.create(code=code, **{**defaults, **fields})


def tomorrow(hour: int = 12, minute: int = 0, *, days: int = 1) -> datetime:
    """Return that hour in UTC, `days` after today."""
    today = timezone.now().astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today + timedelta(days=days)


def an_hour(starts_at: datetime | None = None, minutes: int = 60) -> During:
    starts_at = starts_at or tomorrow()
    return During(starts_at, starts_at + timedelta(minutes=minutes))


def make_order(student: User, **fields: Any) -> Order:
    """An order that waits for payment; other states get the times that they need."""
    now = timezone.now()
    status = fields.get("status", Order.Status.AWAITING_PAYMENT)
    defaults: dict[str, Any] = {"total": 150_000, "currency": "IDR", "status": status}
    if status != Order.Status.CART:
        late = status == Order.Status.EXPIRED
        defaults |= {"placed_at": now, "expires_at": now + timedelta(minutes=-1 if late else 30)}
    if status == Order.Status.PAID:
        defaults["paid_at"] = now
    return Order.objects.create(payer=student, **{**defaults, **fields})


_ORDER_STATUS_OF = {
    Booking.Status.HELD: Order.Status.AWAITING_PAYMENT,
    Booking.Status.EXPIRED: Order.Status.EXPIRED,
    Booking.Status.CANCELLED: Order.Status.CANCELLED,
}


def make_booking(
    student: User,
    tutor: Tutor,
    *,
    during: During | None = None,
    status: str = Booking.Status.HELD,
    order: Order | None = None,
    **fields: Any,
) -> Booking:
    during = during or an_hour()
    session_type = fields.pop("session_type", None) or tutor.session_types.first() or make_session_type(tutor)
    order = order or make_order(student, status=_ORDER_STATUS_OF.get(Booking.Status(status), Order.Status.PAID))
    blocks = during.padded(timedelta(minutes=tutor.buffer_before_minutes), timedelta(minutes=tutor.buffer_after_minutes))
    defaults: dict[str, Any] = {
        "name": session_type.name,
        "minutes": during.minutes,
        "price": session_type.price,
        "currency": session_type.currency,
        "held_until": order.expires_at or timezone.now() + timedelta(minutes=15),
    }
    booking = Booking.objects.create(
        student=student,
        tutor=tutor,
        session_type=session_type,
        order=order,
        status=status,
        during=(during.start, during.end),
        blocks=(blocks.start, blocks.end),
        **{**defaults, **fields},
    )
    booking.refresh_from_db()
    return booking


def make_payment(order: Order, **fields: Any) -> Payment:
    number = order.payments.count() + 1
    defaults: dict[str, Any] = {
        "number": number,
        "reference": f"PAY-{order.reference.removeprefix('OR-')}-{number}",
        "gateway": "midtrans",
        "amount": order.total,
        "currency": order.currency,
        "expires_at": order.expires_at or timezone.now() + timedelta(minutes=30),
    }
    return Payment.objects.create(order=order, **{**defaults, **fields})


def make_link(**fields: Any) -> MeetingLink:
    number = next(_numbers)
    code = f"abc-{number:04d}-xyz".translate(str.maketrans("0123456789", "abcdefghij"))
    return MeetingLink.objects.create(**{"url": f"https://meet.google.com/{code}", "label": f"Room {number}", **fields})


def make_meeting(booking: Booking, **fields: Any) -> Meeting:
    """A meeting that waits for its link. One that is ready is where people were told."""
    now = timezone.now()
    defaults = {"provider": "pool", "requested_at": now, "next_attempt_at": now}
    is_held = fields.get("status") in Meeting.HOLDING
    defaults["told_provider"] = fields.get("provider", "pool") if is_held else booking.tutor.meeting_provider
    meeting = Meeting.objects.create(booking=booking, during=(booking.starts_at, booking.ends_at), **{**defaults, **fields})
    meeting.refresh_from_db()
    return meeting


def make_held(booking: Booking, **fields: Any) -> Meeting:
    """A meeting in a link of the pool, at the time of the booking, that was ready an hour before."""
    ready = {"status": Meeting.Status.READY, "next_attempt_at": None, "ready_at": booking.starts_at - timedelta(hours=1)}
    reserved = (booking.starts_at, booking.ends_at + timedelta(minutes=10))
    return make_meeting(booking, **{"link": make_link(), "reserved": reserved, **ready, **fields})
