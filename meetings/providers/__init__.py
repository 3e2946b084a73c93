"""Where sessions can be held: the providers named in MEETING_PROVIDERS."""

from meetings.providers.registry import (
    doubts_by_provider,
    get_provider,
    is_offered,
    provider_choices,
    provider_label,
)

__all__ = ["doubts_by_provider", "get_provider", "is_offered", "provider_choices", "provider_label"]
