"""One lesson: from a hold in the cart to the completed session. The time of a tutor is guarded here, by the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.errors import BookingNotPaid
from bookings.models.lookups import Whole as _Whole  # by this name the migrations know it
from bookings.models.lookups import any_of
from bookings.models.orders import Order
from bookings.models.people import Tutor, User
from bookings.models.session_types import SessionType
from bookings.money import Money
from bookings.references import new_booking_reference
from bookings.times import During


class BookingQuerySet(models.QuerySet["Booking"]):
    def visible_to(self, user: User) -> BookingQuerySet:
        """Bookings in which this person learns or teaches, or for which they pay."""
        return any_of(self, Q(student=user), Q(tutor__user=user), Q(order__payer=user))

    def of_parties(self, user: User) -> BookingQuerySet:
        """Bookings in which this person sits in the lesson."""
        return any_of(self, Q(student=user), Q(tutor__user=user))

    def of_learners(self, user: User) -> BookingQuerySet:
        """Bookings in which this person learns, or for which they pay."""
        return any_of(self, Q(student=user), Q(order__payer=user))

    def active(self) -> BookingQuerySet:
        """Bookings that take the tutor's time as the database sees it, expired holds included."""
        return self.filter(status__in=Booking.ACTIVE)

    def blocking(self, now: datetime) -> BookingQuerySet:
        """Bookings that take time now: an expired hold blocks nothing, swept or not."""
        return self.active().exclude(status__in=Booking.KEPT, held_until__lte=now)

    def paid(self) -> BookingQuerySet:
        return self.filter(status=Booking.Status.PAID)

    def known_to_each_other(self, now: datetime) -> BookingQuerySet:
        """Bookings that make a student known to the tutor: asked for, ordered, paid, or over. A cart does not."""
        kept = Q(status__in=Booking.KEPT, held_until__gt=now)
        came_about = self.filter(kept | Q(status__in=[Booking.Status.PAID, *Booking.OVER]))
        return came_about.exclude(status=Booking.Status.HELD, order__status=Order.Status.CART)

    def overlapping(self, during: During) -> BookingQuerySet:
        return self.filter(during__overlap=(during.start, during.end))

    def blocks_overlapping(self, blocks: During) -> BookingQuerySet:
        return self.filter(blocks__overlap=(blocks.start, blocks.end))

    def stale_holds(self, now: datetime) -> BookingQuerySet:
        """Times kept for something that has not happened in time: a payment, a tutor's or a student's answer."""
        return self.filter(status__in=Booking.KEPT, held_until__lte=now)

    def with_people(self) -> BookingQuerySet:
        return self.select_related("student", "tutor__user", "order__payer", "session_type")


_STARTS = models.Func(F("during"), function="lower", output_field=models.DateTimeField())
_ENDS = models.Func(F("during"), function="upper", output_field=models.DateTimeField())
_KNOWN = ["held", "requested", "accepted", "paid", "completed", "expired", "declined", "cancelled"]
_KNOWN += ["no_show_student", "no_show_tutor"]


class Booking(models.Model):
    class Status(models.TextChoices):
        HELD = "held", _("held")
        REQUESTED = "requested", _("requested")
        ACCEPTED = "accepted", _("accepted")
        PAID = "paid", _("paid")
        COMPLETED = "completed", _("completed")
        EXPIRED = "expired", _("expired")
        DECLINED = "declined", _("declined")
        CANCELLED = "cancelled", _("cancelled")
        NO_SHOW_STUDENT = "no_show_student", _("student was absent")
        NO_SHOW_TUTOR = "no_show_tutor", _("tutor was absent")

    ACTIVE = (Status.HELD, Status.REQUESTED, Status.ACCEPTED, Status.PAID)
    KEPT = (Status.HELD, Status.REQUESTED, Status.ACCEPTED)  # until `held_until` only
    OVER = (Status.COMPLETED, Status.NO_SHOW_STUDENT, Status.NO_SHOW_TUTOR)

    reference = models.CharField(_("reference"), max_length=20, unique=True, default=new_booking_reference, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("order"))
    student = models.ForeignKey(User, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("student"))
    tutor = models.ForeignKey(Tutor, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("tutor"))
    session_type = models.ForeignKey(SessionType, on_delete=models.PROTECT, related_name="bookings")
    name = models.CharField(_("name as sold"), max_length=100)
    minutes = models.PositiveIntegerField(_("minutes as sold"))
    price = models.PositiveBigIntegerField(_("price as sold"))
    currency = models.CharField(_("currency"), max_length=3)
    discount = models.PositiveBigIntegerField(_("its share of the order's discount"), default=0)
    refund = models.PositiveBigIntegerField(
        _("what comes back of it"), null=True, blank=True, help_text=_("Empty: nothing has been decided.")
    )
    during = DateTimeRangeField(_("time"))
    blocks = DateTimeRangeField(_("time taken from the tutor, buffers included"))
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.HELD)
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)
    asked_for = DateTimeRangeField(_("time asked for first"), null=True, blank=True)
    message = models.CharField(_("message to the tutor"), max_length=500, blank=True)
    confirmed_at = models.DateTimeField(_("time settled at"), null=True, blank=True)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelled_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("cancelled by")
    )
    cancel_reason = models.CharField(_("why it was cancelled"), max_length=500, blank=True)
    moves = models.PositiveSmallIntegerField(_("times moved by the student"), default=0)
    moved_free_until = models.DateTimeField(null=True, blank=True, editable=False)  # set by moves (terms.py)
    sequence = models.PositiveIntegerField(_("version of the calendar entry"), default=0, editable=False)
    handovers = models.PositiveIntegerField(default=0, editable=False)  # how often another party began to invite

    objects = BookingQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        ordering = ["during", "id"]
        constraints = [
            ExclusionConstraint(
                name="booking_tutor_time_taken_once",
                expressions=[("tutor", RangeOperators.EQUAL), ("blocks", RangeOperators.OVERLAPS)],
                condition=Q(status__in=["held", "requested", "accepted", "paid"]),
            ),
            ExclusionConstraint(
                name="booking_student_time_taken_once",
                expressions=[("student", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
                condition=Q(status__in=["held", "requested", "accepted", "paid"]),
            ),
            models.CheckConstraint(
                condition=Q(Exact(_Whole("during"), True)) & Q(blocks__contains=F("during")),
                name="booking_time_is_whole",
            ),
            models.CheckConstraint(condition=Exact(_Whole("blocks"), True), name="booking_blocks_are_whole"),
            models.CheckConstraint(
                condition=~Q(status="held") | Q(held_until__isnull=False), name="booking_hold_has_an_end"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["requested", "accepted"]) | Q(held_until__isnull=False),
                name="booking_request_has_an_end",
            ),
            models.CheckConstraint(condition=Q(discount__lte=F("price")), name="booking_discount_within_price"),
            models.CheckConstraint(
                condition=Q(refund=None) | Q(refund__lte=F("price") - F("discount")), name="booking_refund_within_paid"
            ),
            models.CheckConstraint(condition=Q(status__in=_KNOWN), name="booking_status_is_known"),
        ]
        indexes = [
            models.Index(fields=["student", "status"], name="booking_of_student"),
            models.Index(fields=["student", "tutor"], name="booking_of_student_by_tutor"),
            models.Index(fields=["held_until"], condition=Q(status="held"), name="booking_holds_by_end"),
            models.Index(
                fields=["held_until"], condition=Q(status__in=["requested", "accepted"]), name="booking_requests_by_end"
            ),
            models.Index(_STARTS, condition=Q(status="paid"), name="booking_paid_by_start"),
            models.Index(fields=["id"], condition=Q(refund__gt=0), name="booking_with_refund"),
            # The minute's rounds ask for paid sessions to come; years of past ones must not slow them.
            models.Index(_ENDS, condition=Q(status="paid"), name="booking_paid_by_end"),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("bookings:booking_detail", args=[self.reference])

    @property
    def time(self) -> During:
        """When the lesson is (UTC)."""
        return During(self.during.lower, self.during.upper)

    @property
    def starts_at(self) -> datetime:
        start: datetime = self.during.lower
        return start

    @property
    def ends_at(self) -> datetime:
        end: datetime = self.during.upper
        return end

    @property
    def money(self) -> Money:
        """The price as sold."""
        return Money(self.price, self.currency)

    @property
    def discount_money(self) -> Money:
        """Its share of the order's discount."""
        return Money(self.discount, self.currency)

    @property
    def net(self) -> Money:
        """What the payer pays for it: the price less its share of the discount."""
        return Money(self.price - self.discount, self.currency)

    @property
    def money_back(self) -> Money:
        """What of it goes back to the payer, as decided when it was cancelled or somebody was absent."""
        return Money(self.refund or 0, self.currency)

    @property
    def join_opens_at(self) -> datetime:
        return self.starts_at - timedelta(minutes=settings.JOIN_OPENS_MINUTES)

    @property
    def join_closes_at(self) -> datetime:
        return self.ends_at + timedelta(minutes=settings.JOIN_CLOSES_MINUTES)

    @property
    def is_paid(self) -> bool:
        return self.status == self.Status.PAID

    @property
    def is_hold_open(self) -> bool:
        return self.status == self.Status.HELD and self.is_kept

    @property
    def is_kept(self) -> bool:
        """True while the time is kept for somebody who has yet to pay or to answer."""
        return self.status in self.KEPT and self.held_until is not None and self.held_until > timezone.now()

    @property
    def waits_for_tutor(self) -> bool:
        """True while the tutor has a request to answer."""
        return self.status == self.Status.REQUESTED and self.asked_for is None and self.is_kept

    @property
    def waits_for_student(self) -> bool:
        """True while the tutor's proposal of another time is to be answered."""
        return self.status == self.Status.REQUESTED and self.asked_for is not None and self.is_kept

    def can_be_joined(self, now: datetime) -> bool:
        """True inside the join window of a paid booking."""
        return self.is_paid and self.join_opens_at <= now < self.join_closes_at

    def require_paid(self) -> None:
        if self.status != self.Status.PAID:
            raise BookingNotPaid

    def mark_paid(self) -> None:
        """Make the time the student's for good. The database refuses when it has been sold again."""
        if self.status not in (self.Status.HELD, self.Status.ACCEPTED, self.Status.EXPIRED):
            raise BookingNotPaid(_("This booking can no longer be paid."))
        self.status = self.Status.PAID
        self.held_until = None
        self.confirmed_at = timezone.now()

    def mark_revived(self) -> None:
        """Take the time after all, although it had been given up. The database refuses when it has been sold again."""
        if self.status == self.Status.CANCELLED:
            self.status, self.cancelled_at, self.cancelled_by, self.cancel_reason = self.Status.EXPIRED, None, None, ""
            self.sequence += 1  # people may have taken it out of their calendars
        self.mark_paid()

    def mark_gone(self) -> None:
        """It was paid for after its time had gone: what was paid for it comes back."""
        self.status, self.held_until, self.refund = self.Status.EXPIRED, None, self.net.amount

    def mark_expired(self) -> None:
        if self.status in self.KEPT:
            self.sequence += self.status != self.Status.HELD  # people may have a request in their calendars
            self.status = self.Status.EXPIRED

    def mark_moved(self, during: During, *, blocks: During, free_until: datetime, by_student: bool) -> None:
        """Take another time. The version of the calendar entry goes up, and a student's move is counted."""
        self.during, self.blocks = (during.start, during.end), (blocks.start, blocks.end)
        self.moves += by_student
        self.sequence += 1
        self.moved_free_until, self.confirmed_at = free_until, timezone.now()

    def mark_cancelled(self, *, who: User, why: str, back: Money | None) -> None:
        """Call it off. `back` is what of it goes back to the payer; None when nothing was paid."""
        self.status = self.Status.CANCELLED
        self.held_until = None
        self.cancelled_at, self.cancelled_by, self.cancel_reason = timezone.now(), who, why[:500]
        self.refund = None if back is None else back.amount
        self.sequence += 1

    def mark_completed(self) -> None:
        """The session is over and its door is closed; whether anybody came is another question."""
        self.require_paid()
        self.status = self.Status.COMPLETED
