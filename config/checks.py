"""What a production site must not start without, each with a sentence. `manage.py check --deploy` tells it all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from config import env
from payments.gateways import listed_gateways

LEAST_KEY_LENGTH = 32  # Django itself warns below 50
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
NEEDED_IN_PRODUCTION = ("SECRET_KEY", "SITE_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL")


@dataclass(frozen=True)
class Danger:
    """Something without which people, or their money, would not be safe."""

    number: int
    fact: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.fact} {self.next_step}"


def find_dangers() -> list[Danger]:
    """Return what a site without DEBUG must not start with."""
    return [danger for danger in (_secret_key(), _site_url(), _allowed_hosts()) if danger is not None]


def find_gaps() -> list[Danger]:
    """Return what a site can start without, but not do all its work."""
    return [gap for gap in (_mail_server(), _sender(), _gateway()) if gap is not None]


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured, with a sentence for each danger, unless the site is safe or a demo."""
    if settings.DEBUG:
        return
    dangers = find_dangers()
    if dangers:
        told = "\n".join(f"- {danger}" for danger in dangers)
        raise ImproperlyConfigured(f"This site is not ready to be used by people:\n{told}\nFor a try-out set DEBUG=1.")


def _secret_key() -> Danger | None:
    if settings.SECRET_KEY != settings.UNSET_SECRET_KEY and len(settings.SECRET_KEY) >= LEAST_KEY_LENGTH:
        return None
    how = 'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
    return Danger(2, f"SECRET_KEY is not set, or shorter than {LEAST_KEY_LENGTH} letters.", how)


def _site_url() -> Danger | None:
    """Passwords and pages in the clear are for nobody but the machine itself."""
    is_local = urlsplit(settings.SITE_URL).hostname in LOCAL_HOSTS and env.is_set("SITE_URL")
    if settings.SITE_URL.startswith("https://") or is_local:
        return None
    how = "Set it to the address that people open, such as https://lessons.example.com."
    return Danger(3, "SITE_URL does not start with https://.", how)


def _allowed_hosts() -> Danger | None:
    if "*" not in settings.ALLOWED_HOSTS:
        return None
    return Danger(4, "ALLOWED_HOSTS allows every host.", "Name your own, or leave it out: the host of SITE_URL is allowed.")


def _mail_server() -> Danger | None:
    if env.is_set("EMAIL_URL"):
        return None
    how = "Set it to your mail server, such as smtp+tls://user:password@host:587: nobody can sign up without mail."
    return Danger(5, "EMAIL_URL is not set.", how)


def _sender() -> Danger | None:
    if env.is_set("DEFAULT_FROM_EMAIL"):
        return None
    return Danger(6, "DEFAULT_FROM_EMAIL is not set.", "Set it to the sender of your mails, such as lessons@example.com.")


def _gateway() -> Danger | None:
    if any(gateway.is_configured for gateway in listed_gateways()):
        return None
    how = "Set MIDTRANS_SERVER_KEY, or STRIPE_SECRET_KEY with STRIPE_WEBHOOK_SECRETS: else nobody can pay."
    return Danger(7, "No payment gateway has its keys.", how)


@register(Tags.security, deploy=True)
def check_dangers(**kwargs: Any) -> list[CheckMessage]:
    """Refuse what `refuse_unsafe_start` refuses, and DEBUG itself; warn of what is missing for the whole work."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="Unset it: it shows the sandbox to everybody.", id="linkpool.E001"))
    found += [Error(danger.fact, hint=danger.next_step, id=f"linkpool.E{danger.number:03}") for danger in find_dangers()]
    found += [Warning(gap.fact, hint=gap.next_step, id=f"linkpool.W{gap.number:03}") for gap in find_gaps()]
    return found


@register(Tags.security, deploy=True)
def check_habits(**kwargs: Any) -> list[CheckMessage]:
    """Warn of what is allowed but seldom meant."""
    found: list[CheckMessage] = []
    if not settings.ADMINS:
        hint = "Set ADMINS to the mail addresses of those who should hear of trouble; else all staff do."
        found.append(Warning("ADMINS is not set.", hint=hint, id="linkpool.W001"))
    if settings.MIDTRANS_SERVER_KEY and "sandbox" in settings.MIDTRANS_SNAP_URL + settings.MIDTRANS_API_URL:
        hint = "Set MIDTRANS_SNAP_URL and MIDTRANS_API_URL to the live hosts when the server key is a live one."
        found.append(Warning("Midtrans is its sandbox: no real money moves.", hint=hint, id="linkpool.W002"))
    return found
