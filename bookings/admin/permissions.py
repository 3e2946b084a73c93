"""What colleagues of the staff may do, said in the reader's language: Django keeps the names of permissions in English."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission
from django.utils.translation import gettext_lazy as _

_VERBS = {
    "add": _("%(app)s: add %(model)s"),
    "change": _("%(app)s: change %(model)s"),
    "delete": _("%(app)s: delete %(model)s"),
    "view": _("%(app)s: view %(model)s"),
}


class PermissionField(forms.ModelMultipleChoiceField[Permission]):
    """A choice of permissions by what they let somebody do."""

    def label_from_instance(self, permission: Any) -> str:
        return say_permission(permission)


def say_permission(permission: Permission) -> str:
    """Return a permission in words, such as "Bookings: change tutor"; one of a kind that is not known as Django says it."""
    model = permission.content_type.model_class()
    verb, _underscore, _name = permission.codename.partition("_")
    if model is None or verb not in _VERBS:
        return str(permission)
    return str(
        _VERBS[verb] % {"app": apps.get_app_config(model._meta.app_label).verbose_name, "model": model._meta.verbose_name}
    )


class PermissionWords:
    """A page of the admin on which permissions are given: they are listed in the reader's language."""

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Permission:
            kwargs["form_class"] = PermissionField
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


admin.site.unregister(Group)


@admin.register(Group)
class RolesAdmin(PermissionWords, GroupAdmin):
    """Groups of the staff, each with what its members may do."""
