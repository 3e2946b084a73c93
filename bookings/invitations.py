"""The mail that invites a student to be booked for."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bookings.families import digest_of
from bookings.languages import speaking_to
from bookings.models import StudentLink, User


def mail_invitation(link_id: int, *, key: str) -> None:
    """Send the mail with this key, in the language of the invited person if we know it, else of the payer.

    Nothing is sent when the invitation was answered, withdrawn or mailed again with another key meanwhile.
    """
    link = StudentLink.objects.select_related("payer").filter(pk=link_id, digest=digest_of(key)).first()
    if link is None or link.state is not StudentLink.State.WAITING:
        return
    facts = {
        "link": link,
        "payer": link.payer,
        "site_name": settings.SITE_NAME,
        "invitation_url": settings.SITE_URL + reverse("bookings:invitation", args=[key]),
    }
    with speaking_to(User.objects.filter(email=link.email).first() or link.payer):
        subject = _("%(payer)s would like to book sessions for you") % {"payer": _in_one_line(link.payer.get_full_name())}
        facts |= {"subject": subject, "language": get_language()}
        text = render_to_string("mail/bookings/invitation.txt", facts)
        page = render_to_string("mail/bookings/invitation.html", facts)
    mail = EmailMultiAlternatives(subject, text, settings.DEFAULT_FROM_EMAIL, [link.email])
    mail.extra_headers = {"Auto-Submitted": "auto-generated"}
    mail.attach_alternative(page, "text/html")
    mail.send()


def _in_one_line(name: str) -> str:
    return " ".join(name.split())
