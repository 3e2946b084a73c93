"""Where sessions can be held: the providers named in MEETING_PROVIDERS."""

from meetings.providers.registry import (
    SetUp,
    find_maker,
    get_provider,
    is_offered,
    provider_choices,
    provider_label,
    set_ups,
)

__all__ = ["SetUp", "find_maker", "get_provider", "is_offered", "provider_choices", "provider_label", "set_ups"]
