"""Promo codes: what each is worth, how far it is used, and whether it counts now."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.bookings import TutorFilter
from bookings.admin.session_types import TutorChoice
from bookings.models import Order, PromoCode, User
from bookings.money import Money
from bookings.promo_code_form import PromoCodeForm
from bookings.promo_codes import make_more
from bookings.typed_money import write_money

COPIED = ["kind", "percent", "currency", "uses_allowed", "uses_per_person", "note"]


class StateFilter(admin.SimpleListFilter):
    """Whether a code counts now, and if not, why."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("running", gettext_lazy("Running")),
            ("later", gettext_lazy("Not yet")),
            ("used_up", gettext_lazy("Used up")),
            ("over", gettext_lazy("Over")),
            ("off", gettext_lazy("Switched off")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PromoCode]) -> QuerySet[PromoCode]:
        now = timezone.now()
        later, over = Q(valid_from__gt=now), Q(valid_until__lte=now)
        used_up = Q(uses_allowed__isnull=False, uses__gte=F("uses_allowed"))
        on = Q(is_active=True)
        wanted = {
            "running": on & ~later & ~over & ~used_up,
            "later": on & later,
            "used_up": on & used_up,
            "over": on & over,
            "off": ~on,
        }.get(str(self.value()))
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(PromoCode)
class PromoCodeAdmin(TutorChoice):
    form = PromoCodeForm
    change_form_template = "admin/bookings/promocode/change_form.html"
    list_display = ["code", "shown_worth", "tutor", "shown_state", "shown_uses", "valid_from", "valid_until", "note"]
    list_filter = [StateFilter, "kind", TutorFilter]
    list_select_related = ["tutor__user"]
    list_per_page = 50
    search_fields = ["code", "note", "tutor__user__full_name"]
    actions = ["switch_off", "switch_on", "download"]
    fieldsets = [
        (None, {"fields": ["code", "kind", "percent", ("amount", "currency"), "is_active", "note"]}),
        (gettext_lazy("When"), {"fields": [("valid_from", "valid_until")]}),
        (gettext_lazy("How often"), {"fields": [("uses_allowed", "uses_per_person")]}),
        (gettext_lazy("For what"), {"fields": ["tutor", "first_booking_only", "minimum_total"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromoCode]:
        """Count the uses of all in the same query."""
        standing = Order.objects.standing(timezone.now()).filter(promo_code=OuterRef("pk")).order_by()
        counted = standing.values("promo_code").annotate(number=Count("pk")).values("number")
        found: QuerySet[PromoCode] = super().get_queryset(request)
        return found.annotate(uses=Coalesce(Subquery(counted), 0))

    @admin.display(description=gettext_lazy("takes off"))
    def shown_worth(self, code: PromoCode) -> str:
        if code.kind == PromoCode.Kind.FREE:
            return _("everything")
        return f"{code.percent} %" if code.percent else str(Money(code.amount or 0, code.currency))

    @admin.display(description=gettext_lazy("uses"), ordering="uses")
    def shown_uses(self, code: Any) -> str:
        """Lead to the orders that used it, those that gave their use back included."""
        text = str(code.uses)
        if code.uses_allowed is not None:
            text = _("%(uses)d of %(allowed)d") % {"uses": code.uses, "allowed": code.uses_allowed}
        return format_html('<a href="{}?promo_code={}">{}</a>', reverse("admin:bookings_order_changelist"), code.pk, text)

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, code: Any) -> str:
        now = timezone.now()
        if not code.is_active:
            return _("switched off")
        if code.valid_until is not None and code.valid_until <= now:
            return _("over")
        if code.uses_allowed is not None and code.uses >= code.uses_allowed:
            return _("used up")
        return _("not yet") if code.valid_from is not None and code.valid_from > now else _("running")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask how many for new ones only."""
        first, *others = super().get_fieldsets(request, obj)
        if obj is not None:
            return [first, *others]
        return [(None, {"fields": ["code", "number", *first[1]["fields"][1:]]}), *others]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
        if not change and form.beginning:
            make_more(obj, beginning=form.beginning, number=form.cleaned_data["number"] - 1)
            obj.made_many = (form.beginning, form.cleaned_data["number"])

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Lead to all the codes that were made."""
        if not hasattr(obj, "made_many"):
            return super().response_add(request, obj, post_url_continue)
        beginning, made = obj.made_many
        told = ngettext("%(count)d code made.", "%(count)d codes made.", made) % {"count": made}
        self.message_user(request, told, messages.SUCCESS)
        return redirect(f"{reverse('admin:bookings_promocode_changelist')}?{urlencode({'q': f'{beginning}-'})}")

    def has_delete_permission(self, request: HttpRequest, obj: PromoCode | None = None) -> bool:
        """A code that orders or carts name stays, for the books: switch it off."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.orders.exists())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        code = self.get_object(request, object_id)
        shown = {"copy_url": _address_of_copy(code)} if code is not None and self.has_add_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    @admin.action(description=gettext_lazy("Switch off: they count no more, from now on"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[PromoCode]) -> None:
        self._switch(request, queryset.filter(is_active=True), is_active=False)

    @admin.action(description=gettext_lazy("Switch on again"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[PromoCode]) -> None:
        self._switch(request, queryset.filter(is_active=False), is_active=True)

    @admin.action(description=gettext_lazy("Download as a list, one code in a line"), permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[PromoCode]) -> HttpResponse:
        lines = "".join(f"{code}\n" for code in queryset.order_by("code").values_list("code", flat=True))
        headers = {"Content-Disposition": 'attachment; filename="codes.txt"'}
        return HttpResponse(lines, content_type="text/plain; charset=utf-8", headers=headers)

    def _switch(self, request: HttpRequest, codes: QuerySet[PromoCode], *, is_active: bool) -> None:
        for code in codes:
            code.is_active = is_active
            code.save(update_fields=["is_active"])
            self.log_change(request, code, [{"changed": {"fields": ["is_active"]}}])


def _address_of_copy(code: PromoCode) -> str:
    """Return the address of the form of a new code, filled in like this one but for the code and the dates."""
    filled = {name: "" if getattr(code, name) is None else getattr(code, name) for name in COPIED}
    for name in ("amount", "minimum_total"):
        if (amount := getattr(code, name)) is not None:
            filled[name] = write_money(amount, code.currency)
    if code.tutor_id is not None:
        filled["tutor"] = code.tutor_id
    if code.first_booking_only:
        filled["first_booking_only"] = 1
    return f"{reverse('admin:bookings_promocode_add')}?{urlencode(filled)}"
