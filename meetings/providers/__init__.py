"""Where sessions can be held: the providers named in MEETING_PROVIDERS."""

from meetings.providers.registry import get_provider, is_offered, provider_choices, provider_label

__all__ = ["get_provider", "is_offered", "provider_choices", "provider_label"]
