"""A tutor lets us into an account: the way to the vendor's page, and what comes back from there.

What comes back is believed only where it was begun: `state` is random, used once, good for ten minutes, and kept in the
session of the person who pressed the button, with their key. Somebody else's answer, or one from another browser, connects
nothing. PKCE's verifier stays in the session too, so a code that leaks on its way is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from bookings.errors import NotFound
from bookings.models import Tutor
from meetings.accounts import keep_account
from meetings.calls import note_call
from meetings.connections import can_connect, connection_for
from meetings.errors import AccountTaken, ConnectionBroken, ConsentRefused, ProviderMisconfigured, ProviderTrouble
from meetings.models import VideoConnection
from meetings.oauth import get_vendor
from meetings.oauth.base import AccountLook, Tokens

log = logging.getLogger("linkpool.meetings")

LIVES = timedelta(minutes=10)
LONGEST = 4096  # letters of a code or a state: none is longer
# What vendors answer instead of a code, and who can do something about it.
DENIED = {"access_denied", "user_denied", "consent_required", "interaction_required"}
BY_ADMINISTRATOR = {"admin_policy_enforced", "org_internal", "disallowed_useragent"}
FOR_A_WHILE = {"server_error", "temporarily_unavailable"}


NOT_BEGUN = gettext_lazy("This page works once, right after you press “Connect”. Nothing has changed; press it again.")
FOREIGN = gettext_lazy(
    "This answer does not belong to what you began here. Nothing has changed; please press “Connect” again."
)
TOO_LATE = gettext_lazy("That took longer than ten minutes, so it was not taken. Please press “Connect” again.")
INCOMPLETE = gettext_lazy("The answer of %(vendor)s was not complete. Please press “Connect” again.")
UNTICKED = gettext_lazy(
    "A box was not ticked at %(vendor)s, so sessions cannot be held there. Please connect again and leave all ticked."
)
NO_CONSENT = gettext_lazy(
    "You did not give your consent at %(vendor)s, so nothing was changed. You can connect whenever you like."
)
NOT_ALLOWED = gettext_lazy(
    "Whoever runs your %(vendor)s account does not allow it to be connected. Please ask them, or use another account."
)
VENDOR_TROUBLE = gettext_lazy("%(vendor)s has trouble at the moment. Nothing has changed; try again in a few minutes.")
NOT_CONNECTED = gettext_lazy(
    "%(vendor)s did not connect the account. Nothing was changed; please try again, or write to us if it happens again."
)
CODE_OLD = gettext_lazy("%(vendor)s did not take the answer any more. Please press “Connect” again.")
OUR_FAULT = gettext_lazy("%(vendor)s cannot be connected here right now: our set-up has a fault. Please write to us.")
CONNECTED = gettext_lazy("%(vendor)s is connected (%(account)s). You can hold your sessions there now.")
OURS_HOLDS = gettext_lazy(
    "%(vendor)s is connected (%(account)s), but cannot hold sessions yet: our account there holds them."
)
CANNOT_HOST = gettext_lazy("%(vendor)s is connected (%(account)s), but cannot hold sessions yet.")


@dataclass(frozen=True)
class Answer:
    """What the vendor's redirect carried, as it came: any of it may be missing, forged or odd."""

    state: str
    code: str
    error: str


@dataclass(frozen=True)
class Ending:
    """How it ended: one sentence for the tutor. `connection` is there if the account is connected now."""

    sentence: str
    connection: VideoConnection | None = None

    @property
    def is_fine(self) -> bool:
        return self.connection is not None and self.connection.can_host


def begin_consent(session: SessionBase, tutor: Tutor, provider: str) -> str:
    """Remember in the session what is being asked for, and return the vendor's address to go to.

    A second press forgets the first. Raises NotFound for a provider that nobody can connect here.
    """
    if not can_connect(provider):
        raise NotFound
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    ends_at = timezone.now() + LIVES
    kept = {"state": state, "verifier": verifier, "user": tutor.user_id, "until": ends_at.timestamp()}
    session[_name(provider)] = kept
    known = VideoConnection.objects.connected().filter(tutor=tutor, provider=provider).first()
    return get_vendor(provider).authorize_url(
        state=state,
        challenge=_challenge_of(verifier),
        redirect_uri=callback_address(provider),
        login_hint=known.account if known else "",
    )


def receive_answer(session: SessionBase, tutor: Tutor, provider: str, answer: Answer) -> Ending:
    """Take what came back from the vendor, and keep the account if all is as it was begun. Never raises trouble.

    Raises NotFound for a provider that nobody can connect here.
    """
    if not can_connect(provider):
        raise NotFound
    kept: dict[str, Any] = session.get(_name(provider)) or {}
    if not kept:
        return Ending(str(NOT_BEGUN))
    if kept["user"] != tutor.user_id or not _is_same(answer.state, kept["state"]):
        log.warning("consent with a foreign state", extra={"provider": provider, "tutor": tutor.slug})
        return Ending(str(FOREIGN))
    del session[_name(provider)]
    if timezone.now().timestamp() > kept["until"]:
        return Ending(str(TOO_LATE))
    names = {"vendor": get_vendor(provider).label}
    if answer.error:
        return Ending(str(_sentence_of(answer.error)) % names)
    if not answer.code or len(answer.code) > LONGEST:
        return Ending(str(INCOMPLETE) % names)
    return _take_code(tutor, provider, answer.code, verifier=kept["verifier"])


def callback_address(provider: str) -> str:
    """Return the address of ours that has to be registered at the vendor, letter for letter."""
    return settings.SITE_URL.rstrip("/") + reverse("meetings:connection_callback", args=[provider])


def _take_code(tutor: Tutor, provider: str, code: str, *, verifier: str) -> Ending:
    vendor = get_vendor(provider)
    names = {"vendor": vendor.label}
    with note_call(provider=provider, what="connect") as call:
        tokens = vendor.exchange(code, verifier=verifier, redirect_uri=callback_address(provider))
        if vendor.lacking(tokens.scopes):
            return Ending(str(UNTICKED) % names)
        look = vendor.look_at(tokens.access_token)
    if call.trouble is not None:
        return Ending(_sentence_of_trouble(call.trouble, names))
    return _keep(tutor, provider, tokens, look)


def _keep(tutor: Tutor, provider: str, tokens: Tokens, look: AccountLook) -> Ending:
    names = {"vendor": get_vendor(provider).label, "account": look.account}
    try:
        connection = keep_account(tutor, provider, tokens, look)
    except (AccountTaken, ConsentRefused) as error:
        return Ending(str(error))
    log.info("account connected", extra={"connection": connection.pk, "provider": provider, "tutor": tutor.slug})
    if look.can_host:
        return Ending(str(CONNECTED) % names, connection)
    return Ending(str(OURS_HOLDS if connection_for(tutor, provider) else CANNOT_HOST) % names, connection)


def _sentence_of(error: str) -> str | Promise:
    """Say what the vendor's word means; the word itself is shown to nobody."""
    if error in DENIED:
        return NO_CONSENT
    if error in BY_ADMINISTRATOR:
        return NOT_ALLOWED
    return VENDOR_TROUBLE if error in FOR_A_WHILE else NOT_CONNECTED


def _sentence_of_trouble(trouble: ProviderTrouble, names: Mapping[str, str]) -> str:
    """Say what came of the code: what a rule of the account's organisation or a right forbids in words of its own."""
    if isinstance(trouble, ConsentRefused | ConnectionBroken) and trouble.own_message is not None:
        return str(trouble.own_message)
    if isinstance(trouble, ConsentRefused):
        return str(CODE_OLD) % names
    if isinstance(trouble, ProviderMisconfigured):
        log.error("consent refused for the set-up", extra={"detail": trouble.detail, "code": trouble.code})
        return str(OUR_FAULT) % names
    return str(VENDOR_TROUBLE) % names


def _name(provider: str) -> str:
    return f"consent:{provider}"


def _is_same(state: str, kept: str) -> bool:
    """Compare in constant time; letters outside of ASCII would raise."""
    return compare_digest(state.encode(errors="replace"), kept.encode())


def _challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
