"""What tutors sell. A price is typed in major units; what was sold stays as it was sold."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings.admin.bookings import TutorFilter
from bookings.models import SessionType, Tutor
from bookings.session_type_form import SessionTypeForm
from bookings.session_types import save_session_type


class TutorChoice(admin.ModelAdmin[Any]):
    """Offers tutors by name, in one query. (Django's search box answers rubbish in a form with an error of its own.)"""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "tutor":
            kwargs["queryset"] = Tutor.objects.select_related("user").order_by("user__full_name", "pk")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class SessionTypeInline(admin.TabularInline[SessionType, Tutor]):
    model = SessionType
    form = SessionTypeForm
    extra = 0
    show_change_link = True
    fields = ["name", "minutes", "price", "currency", "first_one_free", "is_active"]


@admin.register(SessionType)
class SessionTypeAdmin(TutorChoice):
    form = SessionTypeForm
    list_display = ["name", "tutor", "minutes", "shown_price", "first_one_free", "is_active"]
    list_filter = ["is_active", "first_one_free", "currency", TutorFilter]
    list_select_related = ["tutor__user"]
    list_per_page = 50
    search_fields = ["name", "slug", "tutor__user__full_name", "tutor__user__email"]
    fields = ["tutor", "name", "minutes", ("price", "currency"), "first_one_free", "is_active", "slug"]
    readonly_fields = ["slug"]

    @admin.display(description=_("price"), ordering="price")
    def shown_price(self, session_type: SessionType) -> str:
        return str(session_type.money)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A session stays with its tutor: bookings of it are in that tutor's books."""
        return ["tutor", "slug"] if obj else ["slug"]

    def save_model(self, request: HttpRequest, obj: SessionType, form: Any, change: bool) -> None:
        """Save by the verb that all use."""
        save_session_type(obj)
