"""May this code be used for this order? Asked at every look, and once more under lock when the order is placed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.errors import PromoCodeRefused
from bookings.models import Order, PromoCode
from bookings.money import Money


@dataclass(frozen=True)
class Use:
    """What a code is to be used for: the order, the keys of its payer and students, and what is to be paid without it.

    `reduced` is the part of it that the code counts for: the sessions of its tutor, free first ones left out.
    """

    order: Order
    people: Collection[int]
    total: Money
    reduced: Money


def why_refused(code: PromoCode, use: Use, *, now: datetime) -> PromoCodeRefused | None:
    """Return why the code takes nothing off, or None if it may be used. Takes at most 3 queries.

    A code that is not active is answered like one that does not exist. Where uses are counted, the caller must hold the
    code's lock for the answer to stay true.
    """
    if not code.is_active:
        return PromoCodeRefused()
    sentence = _what_its_dates_say(code, now) or _what_it_is_for(code, use) or _what_its_uses_say(code, use, now)
    return PromoCodeRefused(sentence) if sentence else None


def _what_its_dates_say(code: PromoCode, now: datetime) -> str:
    if code.valid_from is not None and now < code.valid_from:
        return _("This code is valid from %(time)s.") % {"time": _in_words(code.valid_from)}
    if code.valid_until is not None and now >= code.valid_until:
        return _("This code was valid until %(time)s.") % {"time": _in_words(code.valid_until)}
    return ""


def _what_it_is_for(code: PromoCode, use: Use) -> str:
    currency = use.total.currency
    if code.currency and code.currency != currency:
        return _("This code is for sessions paid in %(currency)s only.") % {"currency": code.currency}
    if use.total.is_zero:
        return _("Your order costs nothing already, so it needs no code.")
    if code.minimum_total is not None and use.total.amount < code.minimum_total:
        return _("This code is for orders of %(money)s or more.") % {"money": Money(code.minimum_total, currency)}
    if code.tutor is not None and use.reduced.is_zero:
        return _("This code is for paid sessions with %(tutor)s only.") % {"tutor": code.tutor.user.full_name}
    return ""


def _what_its_uses_say(code: PromoCode, use: Use, now: datetime) -> str:
    others = Order.objects.standing(now).exclude(pk=use.order.pk)
    if code.first_booking_only and others.filter(_of_people(use.people)).exists():
        return _("This code is for a first booking only.")
    uses = others.filter(promo_code=code)
    if code.uses_allowed is not None and uses.count() >= code.uses_allowed:
        return _("This code has been used up.")
    allowed = code.uses_per_person
    if allowed is not None and uses.filter(payer=use.order.payer_id).count() >= allowed:
        sentence = ngettext(
            "You have used this code already; it works once for each person.",
            "You have used this code already; it works %(times)d times for each person.",
            allowed,
        )
        return sentence % {"times": allowed}
    return ""


def _of_people(people: Collection[int]) -> Q:
    return Q(payer__in=people) | Q(bookings__student__in=people)


def _in_words(instant: datetime) -> str:
    """Return the time in the reader's zone, with its name."""
    here = timezone.localtime(instant)
    return f"{date_format(here, 'LONG_DATETIME_FORMAT')} ({timezone.get_current_timezone_name()})"
