"""What an admin says about a code. Sums are typed in major units, as people write them."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.models import PromoCode
from bookings.promo_codes import LONGEST, RANDOM_LETTERS, random_code
from bookings.typed_money import TypedMoneyField, currency_choices, read_money, write_money

_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,29}")
Kind = PromoCode.Kind


class PromoCodeForm(forms.ModelForm[PromoCode]):
    """Each kind of code wants its own field; whatever contradicts it is told beside the field."""

    code = forms.CharField(
        label=_("Code"), max_length=40, help_text=_("3 to 30 letters, digits and hyphens; people may type it in any case.")
    )
    number = forms.IntegerField(
        label=_("How many"),
        required=False,
        initial=1,
        min_value=1,
        max_value=500,
        help_text=_("More than one: each begins with the code above and ends with random letters."),
    )
    percent = forms.IntegerField(
        label=_("Percent"), required=False, min_value=1, max_value=100, help_text=_("For “percent off”: 1 to 100.")
    )
    amount = TypedMoneyField(label=_("Sum"), required=False, help_text=_("For “a fixed sum off”."))
    currency = forms.ChoiceField(
        label=_("Currency"),
        required=False,
        help_text=_("Needed for sums. The code then counts for sessions paid in it only."),
    )
    uses_allowed = forms.IntegerField(
        label=_("Uses in all"), required=False, min_value=1, max_value=10**6, help_text=_("Empty: no limit.")
    )
    uses_per_person = forms.IntegerField(
        label=_("Uses per person"),
        required=False,
        min_value=1,
        max_value=10**6,
        initial=1,
        help_text=_("Empty: no limit."),
    )
    minimum_total = TypedMoneyField(
        label=_("For orders from"), required=False, help_text=_("What the order must cost without the code.")
    )

    class Meta:
        model = PromoCode
        fields = [
            "code",
            "kind",
            "percent",
            "amount",
            "currency",
            "tutor",
            "valid_from",
            "valid_until",
            "uses_allowed",
            "uses_per_person",
            "first_booking_only",
            "minimum_total",
            "is_active",
            "note",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance
        field = self.fields["currency"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", "–"), *currency_choices(kept.currency)]
        if kept.pk:
            del self.fields["number"]
        if kept.pk and kept.currency:
            self.initial["amount"] = write_money(kept.amount, kept.currency)
            self.initial["minimum_total"] = write_money(kept.minimum_total, kept.currency)

    def clean_code(self) -> str:
        """Return the code in capitals. Another one that differs by its case only is the same code."""
        code = self.cleaned_data["code"].strip().upper()
        if not _CODE.fullmatch(code):
            raise forms.ValidationError(_("Please use 3 to 30 letters from A to Z, digits and hyphens."))
        return str(code)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._clean_number()
        self._clean_sums(cleaned.get("currency") or "")
        self._clean_kind(cleaned.get("kind"))
        first, last = cleaned.get("valid_from"), cleaned.get("valid_until")
        if first and last and last <= first:
            self.add_error("valid_until", _("The end must lie after the beginning."))
        return cleaned

    def _clean_number(self) -> None:
        """Let the code be the beginning of many; the first of them gets its letters here."""
        code, self.beginning = self.cleaned_data.get("code"), ""
        if code is None or (self.cleaned_data.get("number") or 1) == 1:
            return
        if len(code) + 1 + RANDOM_LETTERS > LONGEST:
            self.add_error("code", _("To make many, please use at most 21 letters."))
            return
        self.beginning, self.cleaned_data["code"] = code, random_code(code)

    def _clean_sums(self, currency: str) -> None:
        if currency:
            for name in ("amount", "minimum_total"):
                read_money(self, name, currency)
            return
        typed = [name for name in ("amount", "minimum_total") if self.cleaned_data.get(name)]
        if typed and "currency" not in self.errors:
            self.add_error("currency", _("Please say in which currency the sum is."))
        for name in ("amount", "minimum_total"):
            self.cleaned_data[name] = None

    def _clean_kind(self, kind: str | None) -> None:
        needed = {Kind.PERCENT: "percent", Kind.FIXED: "amount"}.get(Kind(kind)) if kind else None
        for name, missing, too_much in [
            ("percent", _("Please say how many percent."), _("Only “percent off” takes a percentage: leave this empty.")),
            ("amount", _("Please say which sum."), _("Only “a fixed sum off” takes a sum: leave this empty.")),
        ]:
            if kind is None or name in self.errors or (name == "amount" and "currency" in self.errors):
                continue
            if name == needed and not self.cleaned_data.get(name):
                self.add_error(name, missing)
            if name != needed and self.cleaned_data.get(name) is not None:
                self.add_error(name, too_much)
