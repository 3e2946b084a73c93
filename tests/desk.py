"""Addresses and pages of the admin, for tests."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.urls import reverse


def address(model: type[Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def text_of(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())
