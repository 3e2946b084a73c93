"""What happens to what a tutor sells: it is added, edited, taken off sale. What was sold stays as it was sold."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils.text import slugify

from bookings.models import SessionType, Tutor

log = logging.getLogger("linkpool.session_types")

LONGEST_SLUG = 50


@transaction.atomic
def save_session_type(session_type: SessionType) -> SessionType:
    """Save what a tutor sells. A new one gets its short name here, once: addresses and programs go on using it."""
    list(Tutor.objects.filter(pk=session_type.tutor_id).select_for_update(no_key=True).values_list("pk"))
    if not session_type.slug:
        session_type.slug = _free_slug(session_type)
    session_type.save()
    log.info("session type saved", extra={"tutor": session_type.tutor.slug, "session_type": session_type.slug})
    return session_type


def take_off_sale(session_type: SessionType) -> None:
    """Let nobody book it any more. Holds and bookings stay. A second call changes nothing."""
    SessionType.objects.filter(pk=session_type.pk).update(is_active=False)


def put_on_sale(session_type: SessionType) -> None:
    """Let it be booked (again). A second call changes nothing."""
    SessionType.objects.filter(pk=session_type.pk).update(is_active=True)


def _free_slug(session_type: SessionType) -> str:
    """Return a short name that the tutor does not use yet. The tutor is locked."""
    base = slugify(session_type.name)[: LONGEST_SLUG - 5].strip("-") or "session"
    used = set(SessionType.objects.filter(tutor=session_type.tutor_id).values_list("slug", flat=True)) | {"new"}
    number, slug = 1, base
    while slug in used:
        number += 1
        slug = f"{base}-{number}"
    return slug
