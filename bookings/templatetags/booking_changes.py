"""What a reader can do about a booking: move it, cancel it, until when, and at what price."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.utils import timezone

from bookings.cancellation import Cancellation, preview_cancellation
from bookings.models import Booking, User
from bookings.policies import Side
from bookings.rescheduling import Move, preview_move

register = template.Library()


@dataclass(frozen=True)
class Plans:
    """What the reader can do now. A refusal is told only where the thing itself would be looked for."""

    reader: User
    move: Move
    cancellation: Cancellation

    @property
    def booking(self) -> Booking:
        return self.move.booking

    @property
    def for_student(self) -> bool:
        """True for the student and the payer, whom the policy binds."""
        return self.move.side is Side.STUDENT

    @property
    def are_open(self) -> bool:
        """True while the session is to come or running. A request is taken back where it is answered or paid."""
        if self.booking.is_paid:
            return timezone.now() < self.booking.ends_at
        is_at_hand = self.booking.status == Booking.Status.HELD or (
            self.booking.status == Booking.Status.ACCEPTED and self.reader.pk != self.booking.order.payer_id
        )
        return is_at_hand and self.cancellation.may_be


@register.simple_tag
def plans_of(booking: Booking, reader: User) -> Plans:
    """Return what this reader can do about the booking. Raises NotFound for strangers."""
    return Plans(reader, preview_move(booking, reader), preview_cancellation(booking, reader))
