"""What an admin types to send a payment back, in whole or in part."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, User
from bookings.money import Money
from payments.errors import RefundTooLarge
from payments.models import Payment, Refund
from payments.refunds import left_to_refund, refund_payment, refund_what_is_left, refundable_sessions


class RefundForm(forms.Form):
    """How much of a payment goes back, why, and for which session if it is for one."""

    amount = forms.CharField(
        label=_("How much?"), required=False, max_length=30, help_text=_("Empty: everything that is left.")
    )
    booking = forms.ModelChoiceField(
        Booking.objects.none(),
        label=_("For which session?"),
        required=False,
        empty_label=_("none in particular"),
        help_text=_("Only sessions that are over or cancelled. One that is still to come is cancelled instead."),
    )
    why = forms.CharField(label=_("Why?"), max_length=500, help_text=_("It stays in the order's history."))

    def __init__(self, *args: Any, payment: Payment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.payment = payment
        self.left = left_to_refund(payment)
        field = self.fields["booking"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = refundable_sessions(payment)

    def clean_amount(self) -> Money | None:
        """Return what was typed, in the payment's currency; None for everything that is left."""
        typed = self.cleaned_data["amount"].strip()
        if not typed:
            return None
        try:
            asked = Money.from_typed(typed, self.left.currency)
        except ValueError:
            asked = Money(0, self.left.currency)
        if asked.is_zero:
            raise forms.ValidationError(_("Please give a sum such as %(sum)s.") % {"sum": self.left})
        if asked.amount > self.left.amount:
            raise forms.ValidationError(RefundTooLarge.message)
        return asked

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("booking") and cleaned.get("amount", "") is None:
            self.add_error("amount", _("Please say how much goes back for this session."))
        return cleaned

    def owe(self, who: User) -> Refund:
        """Owe what was asked for. Raises what `refund_payment` raises."""
        asked = self.cleaned_data
        if asked["amount"] is None:
            return refund_what_is_left(self.payment, who=who, why=asked["why"])
        return refund_payment(self.payment, amount=asked["amount"], who=who, why=asked["why"], booking=asked["booking"])
