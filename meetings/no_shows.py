"""Absence: one side reports it, the other may answer, an admin decides. The booking follows the decision.

From NO_SHOW_WAIT_MINUTES after the start until NO_SHOW_REPORT_HOURS after the end; an answer within
NO_SHOW_ANSWER_HOURS (DESIGN 5). Without a room nobody is absent, and until the end one may still come: only then is
there something to report, which the site does itself (roomless.py). Lock order: Order → Booking → NoShowReport.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bookings.absence import HAPPENED, Verdict, record_absence, reported_from
from bookings.errors import AbsenceTooEarly, BookingNotPaid, NotFound
from bookings.history import record_booking_change
from bookings.holds import lock_booking
from bookings.jobs import enqueue
from bookings.models import Booking, Notice, User
from bookings.notices import tell
from meetings.errors import (
    AnswerGiven,
    AnswerOpen,
    AnswerTooLate,
    NobodyCouldCome,
    NoRoomYet,
    ReportDecided,
    ReportKnown,
    ReportTooLate,
    RoomWasThere,
    TellMore,
)
from meetings.models import NoShowReport
from meetings.roomless import had_room

log = logging.getLogger("linkpool.meetings")
Absent, Decision = NoShowReport.Absent, NoShowReport.Decision
_VERDICTS = {
    Absent.STUDENT: Verdict.STUDENT_ABSENT,
    Absent.TUTOR: Verdict.TUTOR_ABSENT,
    Absent.ROOM: Verdict.NO_ROOM,
}
LEAST_WORDS = 20  # characters: an admin who was not there has to understand it
MOST_WORDS = 2000


@dataclass(frozen=True)
class Side:
    """Where a person stands in a booking: whom they can call absent, and who is to answer."""

    absent: str
    others: list[User]


def side_of(booking: Booking, user: User) -> Side:
    """Return on whose side a person is; the payer stands with the student. Raises NotFound for strangers."""
    learning = [booking.student] + ([booking.order.payer] if booking.order.payer_id != booking.student_id else [])
    if user.pk == booking.tutor.user_id:
        return Side(Absent.STUDENT, learning)
    if user.pk in (booking.student_id, booking.order.payer_id):
        return Side(Absent.TUTOR, [booking.tutor.user])
    raise NotFound


def reported_until(booking: Booking) -> datetime:
    """Until when an absence can be reported."""
    return booking.ends_at + timedelta(hours=settings.NO_SHOW_REPORT_HOURS)


def may_report(booking: Booking, user: User, now: datetime) -> bool:
    """True while this person of the session can report. Without a room only the student's side can, once it is over."""
    if booking.status not in HAPPENED or not reported_from(booking) <= now <= reported_until(booking):
        return False
    return had_room(booking) or (now >= booking.ends_at and user.pk != booking.tutor.user_id)


@transaction.atomic
def report_absence(booking: Booking, *, who: User, statement: str) -> NoShowReport:
    """Report that the other side did not come, or without a room that there was none; they and the admins are told.

    Raises NotFound, BookingNotPaid, AbsenceTooEarly, ReportTooLate, ReportKnown, TellMore; NoRoomYet while one may still
    come, NobodyCouldCome if it is the tutor's side and there was none.
    """
    booking = lock_booking(booking)
    side, now = side_of(booking, who), timezone.now()
    if NoShowReport.objects.filter(booking=booking).exists():
        raise ReportKnown
    if booking.status not in HAPPENED:
        raise BookingNotPaid
    if now < reported_from(booking):
        raise AbsenceTooEarly
    if now > reported_until(booking):
        raise ReportTooLate
    absent = _who_was_absent(booking, side, now=now)
    report = NoShowReport.objects.create(
        booking=booking,
        absent=absent,
        reported_by=who,
        statement=_words(statement),
        reported_at=now,
        answer_until=now + timedelta(hours=settings.NO_SHOW_ANSWER_HOURS),
    )
    record_booking_change(booking, what="absence reported", became=absent, who=who)
    tell(
        Notice.Fact.ABSENCE_REPORTED,
        to=side.others,
        booking=booking,
        absent=absent,
        answer_until=report.answer_until.isoformat(),
    )
    enqueue("meetings.mail_staff_of_absence", report_id=report.pk)
    log.info("absence reported", extra={"booking": booking.reference, "user": who.pk, "state": absent})
    return report


def _who_was_absent(booking: Booking, side: Side, *, now: datetime) -> str:
    if had_room(booking):
        return side.absent
    if now < booking.ends_at:
        raise NoRoomYet
    if side.absent == Absent.STUDENT:
        raise NobodyCouldCome
    return Absent.ROOM.value


def is_of_side(report: NoShowReport, user: User) -> bool:
    """Say whether the report is that of this person's side. That there was no room is reported for the student's side."""
    called_by_student = report.absent in (Absent.TUTOR, Absent.ROOM)
    return (side_of(report.booking, user).absent == Absent.TUTOR) == called_by_student


def may_answer(report: NoShowReport, user: User, now: datetime) -> bool:
    """True if this person is asked to answer, has not done so and still has time."""
    asked = not is_of_side(report, user)
    return asked and not report.answer and not report.decision and now <= report.answer_until


@transaction.atomic
def answer_report(report: NoShowReport, *, who: User, answer: str) -> NoShowReport:
    """Keep what the other side says to a report. Raises NotFound, AnswerGiven, AnswerTooLate, ReportDecided, TellMore."""
    booking = lock_booking(report.booking)
    report = NoShowReport.objects.select_for_update().get(pk=report.pk)
    now = timezone.now()
    if is_of_side(report, who):
        raise NotFound  # whoever reported it does not answer themselves
    if report.answer:
        raise AnswerGiven
    if report.decision:
        raise ReportDecided
    if now > report.answer_until:
        raise AnswerTooLate
    report.answer, report.answered_by, report.answered_at = _words(answer), who, now
    report.save(update_fields=["answer", "answered_by", "answered_at"])
    record_booking_change(booking, what="absence answered", who=who)
    enqueue("meetings.mail_staff_of_absence", report_id=report.pk)
    return report


def may_be_decided(report: NoShowReport, now: datetime) -> bool:
    """True once the other side has answered, or has had its time to."""
    return not report.decision and (bool(report.answer) or now > report.answer_until)


def fits_no_room(report: NoShowReport, now: datetime) -> bool:
    """True where the decision can be that there was no room. Nobody has to be heard about that if our own rows tell it.

    Where they tell of one, what is reported of it is decided like any other report: when the other side was heard.
    """
    if report.decision or now < report.booking.ends_at:
        return False
    return not had_room(report.booking) or (report.is_of_room and may_be_decided(report, now))


@transaction.atomic
def decide_report(report: NoShowReport, *, decision: str, who: User, note: str) -> NoShowReport:
    """Decide about a report; booking and money follow. The same decision again changes nothing.

    Raises ReportDecided, AnswerOpen, NobodyCouldCome, NoRoomYet, RoomWasThere, TellMore, and what `record_absence` raises.
    """
    verdict = Verdict(decision)
    note = _reason(note)
    booking = lock_booking(report.booking)
    report = NoShowReport.objects.select_for_update().get(pk=report.pk)
    if report.decision == verdict.value:
        return report
    if report.decision:
        raise ReportDecided
    now = timezone.now()
    if not may_be_decided(report, now) and not (verdict is Verdict.NO_ROOM and fits_no_room(report, now)):
        raise AnswerOpen
    return _decide(report, booking, verdict=verdict, who=who, note=note)


@transaction.atomic
def decide_unreported(booking: Booking, *, absent: str, who: User, note: str) -> NoShowReport:
    """Let an admin who knows it record what nobody reported: an absence, or that there was no room.

    Raises what `decide_report` raises; ReportKnown.
    """
    note = _reason(note)
    booking = lock_booking(booking)
    if NoShowReport.objects.filter(booking=booking).exists():
        raise ReportKnown
    if absent == Absent.ROOM and had_room(booking):
        raise RoomWasThere
    now = timezone.now()
    report = NoShowReport.objects.create(
        booking=booking, absent=Absent(absent), reported_by=who, statement=note, reported_at=now, answer_until=now
    )
    return _decide(report, booking, verdict=_VERDICTS[Absent(absent)], who=who, note=note)


def _decide(report: NoShowReport, booking: Booking, *, verdict: Verdict, who: User, note: str) -> NoShowReport:
    is_roomless = not had_room(booking)
    if is_roomless and verdict is Verdict.STUDENT_ABSENT:
        raise NobodyCouldCome
    if verdict is Verdict.NO_ROOM and not (is_roomless or report.is_of_room):
        raise RoomWasThere
    if verdict is Verdict.NO_ROOM and timezone.now() < booking.ends_at:
        raise NoRoomYet
    record_absence(booking, verdict=verdict, who=who, why=note)
    report.decision, report.decided_by = verdict.value, who
    report.decided_at, report.decision_note = timezone.now(), note
    report.save(update_fields=["decision", "decided_by", "decided_at", "decision_note"])
    return report


def _words(text: str) -> str:
    words = text.strip()
    if not LEAST_WORDS <= len(words) <= MOST_WORDS:
        raise TellMore
    return words


def _reason(note: str) -> str:
    if not note.strip():
        raise TellMore
    return note.strip()[:500]
