"""The one mail to each student whose sessions are held elsewhere from now on, and to a tutor who did not ask for it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import chain

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.languages import speaking_to
from bookings.models import Booking, User
from meetings.models import Meeting, ProviderSwitch
from meetings.places import label_of, name_of_place


@transaction.atomic
def tell_of_switch(switch_id: int) -> int:
    """Tell each student once of all their sessions that are held there now and that they believe elsewhere.

    Returns how many students that are. The mails are handed to the queue in the transaction that notes it, so a second
    run tells nobody twice. The meetings are locked: one that becomes ready at this moment is told of here, or waits and
    then finds that the switch has told already (news.py).
    """
    switch = ProviderSwitch.objects.select_for_update(of=("self",)).select_related("tutor__user").get(pk=switch_id)
    if switch.told_at is not None:
        return 0
    ProviderSwitch.objects.filter(pk=switch.pk).update(told_at=timezone.now())
    listed = Meeting.objects.filter(switches__switch=switch).order_by("pk").select_for_update(no_key=True, of=("self",))
    held = Meeting.objects.filter(pk__in=list(listed.values_list("pk", flat=True)), status=Meeting.Status.READY)
    there = held.filter(provider=switch.provider).exclude(told_provider=switch.provider)
    to_come = there.filter(booking__status=Booking.Status.PAID, booking__during__endswith__gt=timezone.now())
    told: dict[User, list[Meeting]] = defaultdict(list)
    for meeting in to_come.select_related("booking__student", "link").order_by("booking__during", "pk"):
        told[meeting.booking.student].append(meeting)
    for student, meetings in told.items():
        _mail(student, meetings, "sessions_switched", switch)
    if told and switch.asked_by_id != switch.tutor.user_id:  # staff, or a program: the tutor has not seen it
        _mail(switch.tutor.user, sorted(chain(*told.values()), key=_start), "sessions_switched_for_you", switch)
    news = [meeting.pk for meetings in told.values() for meeting in meetings]
    Meeting.objects.filter(pk__in=news).update(told_provider=switch.provider)
    return len(told)


def _start(meeting: Meeting) -> datetime:
    return meeting.booking.starts_at


def _mail(person: User, meetings: list[Meeting], letter: str, switch: ProviderSwitch) -> None:
    """Name the place as people know it: links of the pool may be of several companies."""
    if not person.is_active:
        return
    bookings = [meeting.booking for meeting in meetings]
    with speaking_to(person):
        places = filter(None, dict.fromkeys(name_of_place(meeting) for meeting in meetings))
        names = {"tutor": str(switch.tutor), "place": ", ".join(places) or label_of(switch.provider)}
        facts = {
            **names,
            "person": person,
            "sessions": [(one, settings.SITE_URL + reverse("meetings:join", args=[one.reference])) for one in bookings],
            "places_url": settings.SITE_URL + reverse("meetings:connection_list"),
            "zone": timezone.get_current_timezone_name(),
            "site_name": settings.SITE_NAME,
        }
        text = render_to_string(f"mail/meetings/{letter}.txt", facts)
        is_own = person == switch.tutor.user
        subject = _("Your sessions: now at %(place)s") if is_own else _("Your sessions with %(tutor)s: now at %(place)s")
        subject %= names
    send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [person.email])
