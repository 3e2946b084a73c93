"""A paid session moves to another time of the same tutor: same length, same price, the slot rule looked at again.

Lock order: Order → Booking → students → Tutors → writes; what was kept too long is taken before the people (see holds.py).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings import availability, slots, terms
from bookings.access import side_of
from bookings.errors import NoRoomLeft, NotFound, NotMovable, ReasonMissing, SlotNotOffered, SlotTaken, StudentBusy
from bookings.history import record_booking_change
from bookings.holds import Wanted, ask_to_hold, expire_holds, lock_booking, lock_people, lock_stale_holds, save_guarded
from bookings.models import Booking, Notice, SessionType, User
from bookings.notices import parties_of, tell
from bookings.policies import Hurdle, Side, free_until_after_move, why_not_move
from bookings.signals import booking_moved, send_after_commit
from bookings.slots import Reason
from bookings.times import During

log = logging.getLogger("linkpool.bookings")
_MOVED = ["during", "blocks", "moves", "moved_free_until", "sequence", "confirmed_at"]


@dataclass(frozen=True)
class Move:
    """What moving this booking now would mean to the one who asks."""

    booking: Booking
    side: Side
    refusal: str = ""  # why it cannot be done, as one sentence; empty if it can

    @property
    def may_be(self) -> bool:
        return not self.refusal

    @property
    def needs_reason(self) -> bool:
        return self.side is not Side.STUDENT

    @property
    def until(self) -> datetime:
        """Until then this can be done."""
        if self.side is not Side.STUDENT:
            return self.booking.starts_at
        return _last_moment(self.booking)

    @property
    def moves_left(self) -> int:
        """How often a student may move it from now on."""
        return max(0, settings.MOVES_ALLOWED - self.booking.moves)

    def open_times(self, within: During) -> list[During]:
        """Return the times to which it can move, without the one that it has. UTC, sorted."""
        student, moving = self.booking.student, self.booking
        found = availability.open_slots(self._as_sold(), within=within, student=student, leaving_out=moving)
        return [slot for slot in found if slot.start != self.booking.starts_at]

    def times_near(self, instant: datetime) -> list[During]:
        """Return the open times nearest to an instant, in the order of time."""
        student, moving = self.booking.student, self.booking
        found = availability.next_slots(self._as_sold(), near=instant, student=student, leaving_out=moving)
        return [slot for slot in found if slot.start != self.booking.starts_at]

    def reaches(self, starts_at: datetime) -> bool:
        """Say whether this start lies between the notice and the horizon. Answers for any year."""
        rules = availability.rules_of(self._as_sold())
        return slots.why_out_of_reach(rules, starts_at=starts_at, now=timezone.now()) is None

    def why_not(self, starts_at: datetime) -> Reason | None:
        """Return the rule of the tutor's hours that hides this start, or None."""
        student, moving = self.booking.student, self.booking
        return availability.why_not(self._as_sold(), starts_at=starts_at, student=student, leaving_out=moving)

    def to(self, starts_at: datetime) -> Wanted:
        """Return the time it would take, with the buffers that the tutor keeps today."""
        return Wanted(self._as_sold(), starts_at)

    def free_until(self, starts_at: datetime) -> datetime:
        """Return until when a student could cancel for free after a move to this start now."""
        was, hours = terms.free_until(self.booking), settings.CANCEL_FREE_HOURS
        return free_until_after_move(self.side, free_until=was, starts_at=starts_at, now=timezone.now(), free_hours=hours)

    @property
    def is_late(self) -> bool:
        """True if a student can no longer cancel for free; moving does not change that."""
        return timezone.now() > terms.free_until(self.booking)

    def _as_sold(self) -> SessionType:
        """Return what was sold, whatever is sold under this name today.

        The minimum notice protects the tutor: it binds the student, not the tutor, nor the staff who act for both.
        """
        sold = availability.session_as_sold(self.booking)
        if self.side is Side.STUDENT:
            sold.tutor.notice_minutes = self.booking.tutor.notice_minutes
        return sold


def preview_move(booking: Booking, who: User) -> Move:
    """Return whether this person may move the booking now, and until when. Wants the booking `with_people`.

    Raises NotFound for strangers.
    """
    side = side_of(booking, who)
    if side is None:
        raise NotFound
    return Move(booking, side, _why_it_stays(booking, side, now=timezone.now()))


@transaction.atomic
def move_booking(booking: Booking, *, starts_at: datetime, who: User, why: str = "") -> Booking:
    """Move a paid session to another open time (aware). To the time it has already: nothing changes, nothing is counted.

    The tutor and the staff say why. Raises NotFound for strangers, NotMovable, ReasonMissing, SlotTaken,
    StudentBusy, SlotNotOffered, NoRoomLeft.
    """
    booking = lock_booking(booking)
    asked = preview_move(booking, who)
    if booking.is_paid and booking.starts_at == starts_at:
        return booking
    if not asked.may_be:
        raise NotMovable(asked.refusal)
    if asked.needs_reason and not why.strip():
        raise ReasonMissing
    if not asked.reaches(starts_at):
        raise SlotNotOffered
    wanted = asked.to(starts_at)
    stale = lock_stale_holds([wanted], student=booking.student, now=timezone.now())
    lock_people(students={booking.student_id}, tutors={booking.tutor_id})
    expire_holds(stale)
    _require_open(asked, starts_at, who=who)
    ask_to_hold(wanted, student=booking.student, leaving_out=booking)
    was = booking.time
    free_until, by_student = asked.free_until(starts_at), asked.side is Side.STUDENT
    booking.mark_moved(wanted.during, blocks=wanted.blocks, free_until=free_until, by_student=by_student)
    save_guarded(booking, update_fields=_MOVED)
    booking.refresh_from_db(fields=["during", "blocks"])
    _tell(booking, was, who=who, why=why.strip())
    return booking


def _tell(booking: Booking, was: During, *, who: User, why: str) -> None:
    old, new = was.start.isoformat(), booking.time.start.isoformat()
    record_booking_change(booking, what="time", was=old, became=new, who=who, why=why)
    told = parties_of(booking)
    tell(Notice.Fact.MOVED, to=told, booking=booking, was_start=old, was_end=was.end.isoformat(), why=why)
    send_after_commit(booking_moved, Booking, booking=booking)
    log.info("booking moved", extra={"booking": booking.reference, "user": who.pk})


def _require_open(asked: Move, starts_at: datetime, *, who: User) -> None:
    reason = asked.why_not(starts_at)
    if reason in (Reason.BOOKED, Reason.BUFFER):
        raise SlotTaken
    if reason is Reason.STUDENT_BUSY and who.pk == asked.booking.student_id:
        raise StudentBusy
    if reason is Reason.STUDENT_BUSY:
        raise StudentBusy(_("The student has another session at that time. Please choose another one."))
    if reason is Reason.NO_ROOM:
        raise NoRoomLeft
    if reason is not None:
        raise SlotNotOffered


def _last_moment(booking: Booking) -> datetime:
    return booking.starts_at - timedelta(hours=settings.MOVE_UNTIL_HOURS)


def _why_it_stays(booking: Booking, side: Side, *, now: datetime) -> str:
    if booking.status in Booking.KEPT:
        return _("This session can be moved once it is paid.")
    if not booking.is_paid:
        return _("This session cannot be moved any more.")
    limits = {"until_hours": settings.MOVE_UNTIL_HOURS, "moves_allowed": settings.MOVES_ALLOWED}
    hurdle = why_not_move(side, starts_at=booking.starts_at, now=now, moves=booking.moves, **limits)
    return _in_words(hurdle, booking) if hurdle else ""


def _in_words(hurdle: Hurdle, booking: Booking) -> str:
    if hurdle is Hurdle.BEGUN:
        return _("This session has begun, so it can no longer be moved.")
    if hurdle is Hurdle.TOO_LATE:
        last = timezone.localtime(_last_moment(booking))
        told = {"until": date_format(last, "LONG_DATETIME_FORMAT"), "zone": timezone.get_current_timezone_name()}
        return _("You could move it until %(until)s (%(zone)s). Your tutor can still move it.") % told
    if not settings.MOVES_ALLOWED:
        return _("Students cannot move sessions here. Please ask your tutor to move it.")
    told_often = ngettext(
        "You have moved it %(number)d time, which is the most. Your tutor can still move it.",
        "You have moved it %(number)d times, which is the most. Your tutor can still move it.",
        booking.moves,
    )
    return told_often % {"number": booking.moves}
