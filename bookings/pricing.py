"""What sessions cost together: their prices as sold, less free first sessions, less what a code takes off the rest.

All of it is reckoned here, in whole minor units, from what the database says; no sum that a browser sends is asked for.
`price_order` is for verbs that place an order, `quote_cart` for pages that only look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from bookings import promo_rules
from bookings.errors import CurrencyMixed, PromoCodeRefused
from bookings.holds import lock_people
from bookings.models import Booking, Order, PromoCode
from bookings.models.bookings import BookingQuerySet
from bookings.money import Money


@dataclass(frozen=True)
class Line:
    """One session to be paid: its price in minor units, the key of its tutor, and whether it is a free first one."""

    price: int
    tutor: int
    is_free: bool = False

    @property
    def rest(self) -> int:
        """What a code can take something off."""
        return 0 if self.is_free else self.price


@dataclass(frozen=True)
class Cut:
    """What a code takes off: so many percent, or a sum of minor units; of one tutor's sessions, or of all."""

    percent: int = 0
    amount: int = 0
    tutor: int | None = None

    def counts_for(self, line: Line) -> bool:
        return self.tutor in (None, line.tutor)

    def off(self, rest: int) -> int:
        """Return what comes off a sum, never more than the sum; half a minor unit is rounded up."""
        return min(rest, self.amount or (rest * self.percent + 50) // 100)


@dataclass(frozen=True)
class Quote:
    """What these sessions cost, line by line, in minor units of a currency; `refusal` says why a code counts for nothing."""

    currency: str
    lines: Sequence[Line] = ()
    by_code: Sequence[int] = ()
    code: PromoCode | None = None
    refusal: PromoCodeRefused | None = None

    @property
    def shares(self) -> list[int]:
        """The discount of each line."""
        return [line.price - line.rest + off for line, off in zip(self.lines, self.by_code, strict=True)]

    @property
    def full_price(self) -> Money:
        return self._money(line.price for line in self.lines)

    @property
    def free_first(self) -> Money:
        """What free first sessions take off."""
        return self._money(line.price - line.rest for line in self.lines)

    @property
    def code_off(self) -> Money:
        """What the code takes off the rest."""
        return self._money(self.by_code)

    @property
    def discount(self) -> Money:
        return self.free_first + self.code_off

    @property
    def total(self) -> Money:
        """What is to be paid."""
        return self.full_price - self.discount

    def _money(self, amounts: Iterable[int]) -> Money:
        return Money(sum(amounts), self.currency)


def reckon(lines: Sequence[Line], *, currency: str, cut: Cut | None = None) -> Quote:
    """Reckon what the lines cost. What the cut takes off is split over its lines by largest remainder: the shares add up."""
    rests = [line.rest if cut is not None and cut.counts_for(line) else 0 for line in lines]
    off = cut.off(sum(rests)) if cut is not None else 0
    return Quote(currency, lines, split(off, rests))


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to the weights, exactly: whoever lost most by rounding down gets a unit more.

    With an amount that is not above the sum of the weights, no share is above its weight. Equal losses: the first one.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares = [amount * weight // whole for weight in weights]
    by_loss = sorted(range(len(weights)), key=lambda one: -(amount * weights[one] % whole))
    for one in by_loss[: amount - sum(shares)]:
        shares[one] += 1
    return shares


def cut_of(code: PromoCode) -> Cut:
    """Return what a code takes off."""
    percent = 100 if code.kind == PromoCode.Kind.FREE else code.percent or 0
    return Cut(percent=percent, amount=code.amount or 0, tutor=code.tutor_id)


def quote_cart(cart: Order, holds: Sequence[Booking]) -> Quote:
    """Reckon what the open holds of a cart cost now, its code included. Nothing is written or locked.

    The holds come with their session types. Takes 1 query where a first session is free, and at most 3 for a code.
    """
    return _quote(cart, holds, code=cart.promo_code, now=timezone.now())


def price_order(order: Order, bookings: Sequence[Booking], *, code: PromoCode | None = None) -> Quote:
    """Reckon what an order costs and write it down: its total, discount and code, and each booking's share.

    Call it in the transaction that places the order, with the order and its bookings (all that are to be paid, with
    their session types) locked or newly made; it locks the payer, the students and the code and asks again after that,
    so that a first session is free once and a code's last use goes to one. `bookings.promo_codes.find_code` turns what
    somebody typed into a code. Raises PromoCodeRefused when the code takes nothing off this order; CurrencyMixed.
    """
    quote = quote_under_lock(order, bookings, code=code)
    if quote.refusal is not None:
        raise quote.refusal
    for booking in settle(order, bookings, quote):
        booking.save(update_fields=["discount"])
    order.save(update_fields=PRICE_FIELDS)
    return quote


PRICE_FIELDS = ["total", "discount", "currency", "promo_code"]


def quote_under_lock(order: Order, bookings: Sequence[Booking], *, code: PromoCode | None) -> Quote:
    """Reckon after the payer, the students and the code are locked: what it says stays true until the commit."""
    lock_people(students={order.payer_id, *(booking.student_id for booking in bookings)}, tutors=[])
    if code is not None:
        code = PromoCode.objects.select_for_update(no_key=True, of=("self",)).select_related("tutor__user").get(pk=code.pk)
    return _quote(order, bookings, code=code, now=timezone.now())


def settle(order: Order, bookings: Sequence[Booking], quote: Quote) -> list[Booking]:
    """Set what the quote says, without saving. Returns the bookings whose share has changed."""
    order.total, order.discount, order.currency = quote.total.amount, quote.discount.amount, quote.currency
    order.promo_code = quote.code
    changed = []
    for booking, share in zip(bookings, quote.shares, strict=True):
        if booking.discount != share:
            booking.discount = share
            changed.append(booking)
    return changed


def find_free_first(bookings: Sequence[Booking], *, now: datetime) -> set[int]:
    """Return the keys of those bookings of one order that cost nothing, being a student's first with that tutor.

    Only where the session type says so; the earliest of each student and tutor, and none where the two have another
    booking that is asked for, ordered, paid or over, or that the student called off too late. A tutor who did not come
    has used nothing up. One query where a type says so, else none.
    """
    first: dict[tuple[int, int], Booking] = {}
    for booking in sorted(bookings, key=lambda one: (one.starts_at, one.pk)):
        if booking.session_type.first_one_free:
            first.setdefault((booking.student_id, booking.tutor_id), booking)
    if not first:
        return set()
    others = _using_up_the_first(now).exclude(order__in={booking.order_id for booking in bookings})
    students, tutors = {student for student, _tutor in first}, {tutor for _student, tutor in first}
    known = set(others.filter(student__in=students, tutor__in=tutors).order_by().values_list("student", "tutor"))
    return {booking.pk for pair, booking in first.items() if pair not in known}


def _using_up_the_first(now: datetime) -> BookingQuerySet:
    """Return the bookings after which no other is the first one.

    One that the student's side cancelled when that was no longer free is among them: or else whoever leaves a minute
    before the end, and cancels, has a first session again.
    """
    known = Booking.objects.known_to_each_other(now).exclude(status=Booking.Status.NO_SHOW_TUTOR)
    usual = F("during__startswith") - Value(timedelta(hours=settings.CANCEL_FREE_HOURS), output_field=DurationField())
    until = Coalesce("moved_free_until", ExpressionWrapper(usual, DateTimeField()))
    by_learner = Q(cancelled_by=F("student")) | Q(cancelled_by=F("order__payer"))
    too_late = Q(status=Booking.Status.CANCELLED, confirmed_at__isnull=False, cancelled_at__gt=until)
    return known | Booking.objects.filter(by_learner, too_late)


def _quote(order: Order, bookings: Sequence[Booking], *, code: PromoCode | None, now: datetime) -> Quote:
    currencies = {booking.currency for booking in bookings}
    if len(currencies) > 1:
        raise CurrencyMixed
    currency = next(iter(currencies), order.currency)
    free = find_free_first(bookings, now=now)
    lines = [Line(booking.price, booking.tutor_id, booking.pk in free) for booking in bookings]
    plain = reckon(lines, currency=currency)
    if code is None:
        return plain
    cut = cut_of(code)
    cheaper = replace(reckon(lines, currency=currency, cut=cut), code=code)
    reduced = Money(sum(line.rest for line in lines if cut.counts_for(line)), currency)
    people = {order.payer_id, *(booking.student_id for booking in bookings)}
    use = promo_rules.Use(order=order, people=people, total=plain.total, reduced=reduced)
    refusal = promo_rules.why_refused(code, use, now=now)
    return cheaper if refusal is None else replace(plain, refusal=refusal)
