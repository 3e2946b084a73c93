"""How accounts at vendors are opened with their owners' consent (OAuth 2.0)."""

from meetings.oauth.registry import get_vendor, has_vendor

__all__ = ["get_vendor", "has_vendor"]
