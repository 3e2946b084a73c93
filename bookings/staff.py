"""Who runs the site, and how they are told that something needs them."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from bookings.jobs import HASTE
from bookings.languages import is_spoken, speaking_to_staff
from bookings.models import User

Letter = tuple[str, str]  # its subject and its text


def staff_addresses() -> list[str]:
    """Return who is told of trouble: settings.ADMINS, else everybody who may use the admin and may log in."""
    named = [address for _name, address in settings.ADMINS]
    return named or list(User.objects.filter(is_staff=True, is_active=True).order_by("pk").values_list("email", flat=True))


@transaction.atomic
def mail_staff(write: Callable[[], Letter]) -> None:
    """Mail the staff, one mail for those who read the same language; `write` is asked once in each.

    Who has no account here, or chose no language, reads the site's. Times are in the site's zone.
    """
    for language, addresses in _by_language(staff_addresses()).items():
        with speaking_to_staff(language):
            subject, text = write()
        mail = EmailMessage(" ".join(subject.split())[:150], text, settings.DEFAULT_FROM_EMAIL, addresses)
        setattr(mail, "priority", HASTE)  # noqa: B010 - read by config.mail: what is late must not delay its own alarm
        mail.send()


def _by_language(addresses: list[str]) -> dict[str, list[str]]:
    people = User.objects.filter(email__in=[address.lower() for address in addresses])
    chosen = dict(people.values_list("email", "language"))
    readers: dict[str, list[str]] = {}
    for address in addresses:
        language = chosen.get(address.lower(), "")
        readers.setdefault(language if is_spoken(language) else str(settings.DEFAULT_LANGUAGE), []).append(address)
    return readers
