"""People: everybody who can log in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings.admin.permissions import PermissionWords
from bookings.forms import TimeZoneField, language_choices
from bookings.models import User
from bookings.models.people import default_time_zone


class PersonForm(UserChangeForm[User]):
    time_zone = TimeZoneField(label=_("Time zone"), initial=default_time_zone)
    language = forms.ChoiceField(label=_("Language"), choices=language_choices, required=False)

    class Meta:
        model = User
        fields = "__all__"


class NewPersonForm(AdminUserCreationForm[User]):
    time_zone = TimeZoneField(label=_("Time zone"), initial=default_time_zone)

    class Meta:
        model = User
        fields = ["email", "full_name", "time_zone"]


@admin.register(User)
class PersonAdmin(PermissionWords, UserAdmin[User]):
    form = PersonForm
    add_form = NewPersonForm
    list_display = ["email", "full_name", "time_zone", "is_tutor", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_active", ("tutor", admin.EmptyFieldListFilter)]
    list_select_related = ["tutor"]
    list_per_page = 50
    search_fields = ["email", "full_name"]
    ordering = ["email"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password", "full_name", "time_zone", "language"]}),
        (_("What they may do"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("When"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "full_name", "time_zone", "usable_password", "password1", "password2"]}),
    ]

    @admin.display(description=_("tutor"), boolean=True)
    def is_tutor(self, user: User) -> bool:
        return hasattr(user, "tutor")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Only a superuser hands out rights: else whoever may edit people could give them to themselves."""
        fixed = [str(name) for name in super().get_readonly_fields(request, obj)]
        if _may_do_all(request):
            return fixed
        return [*fixed, "is_staff", "is_superuser", "groups", "user_permissions"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if _is_above(obj, request):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if _is_above(obj, request):
            return False
        return super().has_delete_permission(request, obj)


def _is_above(person: Any, request: HttpRequest) -> bool:
    """True for colleagues of the staff, unless a superuser asks: who sets their password has all their rights."""
    is_of_staff = isinstance(person, User) and (person.is_staff or person.is_superuser)
    return is_of_staff and person.pk != request.user.pk and not _may_do_all(request)


def _may_do_all(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_superuser
