"""Keys of the owner's programs: made here and shown once; only a digest is kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from bookings.api_keys import create_api_key, revoke_api_key
from bookings.models import ApiKey


class ApiKeyForm(forms.ModelForm[ApiKey]):
    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("an API key", "May"), choices=ApiKey.Scope.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes"]


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    form = ApiKeyForm
    fields = ["name", "scopes"]
    list_display = ["name", "hint", "shown_scopes", "created_at", "last_used_at", "is_valid"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "hint"]
    actions = ["revoke_keys"]

    @admin.display(description=pgettext_lazy("an API key", "may"))
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description=_("valid"), boolean=True)
    def is_valid(self, key: ApiKey) -> bool:
        return key.revoked_at is None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["name", "scopes", *self.get_readonly_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["hint", "created_at", "last_used_at", "revoked_at"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is revoked, not deleted: when it was made and last used stays known."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make a key by the verb that all use, and show it this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made, key = create_api_key(obj.name, scopes=list(obj.scopes))
        obj.pk = made.pk
        obj.refresh_from_db()
        said = _("This is the key. Copy it now: it cannot be shown again.")
        self.message_user(request, format_html("{} <code>{}</code>", said, key), messages.WARNING)

    @admin.action(description=_("Revoke: the key stops working at once, for good"), permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = [key for key in queryset if revoke_api_key(key)]
        for key in revoked:
            self.log_change(request, key, [{"changed": {"fields": ["revoked_at"]}}])
        said = ngettext("%(count)d key revoked.", "%(count)d keys revoked.", len(revoked))
        self.message_user(request, said % {"count": len(revoked)}, messages.SUCCESS)
