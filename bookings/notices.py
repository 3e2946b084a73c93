"""Tell people what happened: write it down in the transaction of the change; mail and pages are made from the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from bookings.jobs import enqueue
from bookings.models import Booking, Notice, Order, User


def tell(
    fact: Notice.Fact,
    *,
    to: Iterable[User],
    booking: Booking | None = None,
    order: Order | None = None,
    key: str = "",
    **details: Any,
) -> list[Notice]:
    """Note that these people are to be told of a fact, each once: the same fact and key again adds nothing.

    The key defaults to the booking in its present version, or to the order. `details` are plain JSON values.
    Call it in the transaction of the change: the mails' jobs are stored in it as well. Returns the notices that are new.
    """
    key = key or (version_of(booking) if booking else order.reference if order else "")
    details = ({"sequence": booking.sequence} if booking else {}) | details
    people = list(dict.fromkeys(to))
    told = None
    while told is None:
        known = set(Notice.objects.filter(to__in=people, fact=fact, key=key).values_list("to", flat=True))
        told = _note(
            Notice(to=person, fact=fact, key=key, booking=booking, order=order, details=details)
            for person in people
            if person.pk not in known
        )
    for notice in told:
        enqueue("bookings.mail_notice", notice_id=notice.pk)
    return told


def _note(notices: Iterable[Notice]) -> list[Notice] | None:
    """Store the notices; None if somebody else has told one of them at this very moment, who is done by now."""
    try:
        with transaction.atomic():
            return Notice.objects.bulk_create(notices)
    except IntegrityError as error:
        if "notice_told_once" not in str(error):
            raise
        return None


def tell_paid(order: Order, bookings: Sequence[Booking]) -> None:
    """Tell everybody of an order that is paid, once for each session that they sit in.

    A session has a mail of its own because a mail carries one entry of a calendar at most. Whoever pays for others
    sits in no session, and hears of the whole order at once.
    """
    for number, booking in enumerate(bookings, 1):
        tell(Notice.Fact.PAID, to=[booking.student, booking.tutor.user], booking=booking, number=number, of=len(bookings))
    if any(booking.student_id != order.payer_id for booking in bookings):
        tell(Notice.Fact.PAID, to=[order.payer], order=order)


def version_of(booking: Booking) -> str:
    """Return which version of a booking is meant: a session that is moved or cancelled is another fact."""
    return f"{booking.reference}:{booking.sequence}"


def parties_of(booking: Booking) -> list[User]:
    """Return who is concerned by a booking: student, tutor and payer, each once. Wants the booking `with_people`."""
    return list(dict.fromkeys([booking.student, booking.tutor.user, booking.order.payer]))


def mark_read(user: User, *, fact: str, key: str) -> Notice | None:
    """Remember that the person has seen the notice, and return it; None if there is no such notice of theirs."""
    notice = Notice.objects.visible_to(user).with_rows().filter(fact=fact, key=key).first()
    if notice is not None and notice.read_at is None:
        Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=timezone.now())
    return notice


def mark_all_read(user: User, *, until: datetime) -> int:
    """Remember that the person has seen all that was there at that moment. Returns how many were new to them."""
    return Notice.objects.visible_to(user).unread().filter(created_at__lte=until).update(read_at=timezone.now())
