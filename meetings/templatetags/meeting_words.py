"""What meetings are called on a page."""

from __future__ import annotations

from django import template

from meetings.providers import provider_label

register = template.Library()


@register.filter
def provider_name(name: str) -> str:
    """Return what people read for a provider."""
    return provider_label(name)
