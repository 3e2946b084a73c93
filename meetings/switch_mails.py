"""The one mail to each student whose sessions are held elsewhere from now on."""

from __future__ import annotations

from collections import defaultdict

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.languages import speaking_to
from bookings.models import Booking, User
from meetings.models import ProviderSwitch, SessionSwitch
from meetings.providers import provider_label


@transaction.atomic
def tell_of_switch(switch_id: int) -> int:
    """Tell each student once of all their sessions that were moved and still are there. Returns how many were mailed.

    The mails are handed to the queue in the transaction that notes it, so a second run tells nobody twice.
    """
    switch = ProviderSwitch.objects.select_for_update(of=("self",)).select_related("tutor__user").get(pk=switch_id)
    if switch.told_at is not None:
        return 0
    ProviderSwitch.objects.filter(pk=switch.pk).update(told_at=timezone.now())
    moved = switch.sessions.filter(outcome=SessionSwitch.Outcome.MOVED, meeting__provider=switch.provider)
    standing = moved.filter(
        meeting__booking__status=Booking.Status.PAID, meeting__booking__during__endswith__gt=timezone.now()
    )
    told: dict[User, list[Booking]] = defaultdict(list)
    for one in standing.exclude(was_provider=F("switch__provider")).select_related("meeting__booking__student"):
        told[one.meeting.booking.student].append(one.meeting.booking)
    for student, bookings in told.items():
        if student.is_active:
            _mail(student, sorted(bookings, key=lambda booking: booking.starts_at), switch)
    return len(told)


def _mail(student: User, bookings: list[Booking], switch: ProviderSwitch) -> None:
    with speaking_to(student):
        names = {"tutor": str(switch.tutor), "place": provider_label(switch.provider)}
        facts = {
            **names,
            "person": student,
            "sessions": [(one, settings.SITE_URL + reverse("meetings:join", args=[one.reference])) for one in bookings],
            "zone": timezone.get_current_timezone_name(),
            "site_name": settings.SITE_NAME,
        }
        text = render_to_string("mail/meetings/sessions_switched.txt", facts)
        subject = _("Your sessions with %(tutor)s: now at %(place)s") % names
    send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [student.email])
