"""Bearer keys: made once, kept as a digest, compared by it, limited in calls a minute."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from bookings.models import ApiKey

if TYPE_CHECKING:  # views load the settings, which name the classes below: whoever came here first would meet them unmade
    from rest_framework.views import APIView


def digest_key(key: str) -> str:
    """Return what is stored of a key. A plain hash suffices: keys are random, not chosen by people."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def create_api_key(name: str, *, scopes: list[str], key: str = "") -> tuple[ApiKey, str]:
    """Make a key and return it with its row; it cannot be read again later."""
    key = key or f"lp_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(name=name, digest=digest_key(key), hint=key[:6], scopes=scopes)
    return row, key


def revoke_api_key(key: ApiKey) -> bool:
    """Make the key useless from now on, for good. True when this call did it."""
    return ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()) == 1


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. No key, a wrong one and a revoked one all answer 401."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise AuthenticationFailed(_("Please send an API key as “Authorization: Bearer <key>”."))
        found = ApiKey.objects.filter(digest=digest_key(key.strip()), revoked_at=None).first()
        if found is None:
            raise AuthenticationFailed(_("This API key is not known or has been revoked."))
        _note_use(found)
        return None, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _note_use(key: ApiKey) -> None:
    """Remember the day's use, at most once a minute: a busy key must not write on every call."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


class HasScope(BasePermission):
    """The view's `scope` must be among the key's."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and getattr(view, "scope", None) in request.auth.scopes

    @property
    def message(self) -> str:
        return _("This API key may not do this.")


class KeyThrottle(SimpleRateThrottle):
    """So many calls a minute for each key, counted in the cache that all processes share."""

    scope = "api_key"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return f"throttle:api:{request.auth.pk}" if isinstance(request.auth, ApiKey) else None
