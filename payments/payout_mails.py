"""The mail to a tutor whose payout was sent."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from bookings.languages import speaking_to
from payments.models import Payout


def mail_payout_paid(payout_id: int) -> None:
    """Tell the tutor that a payout was sent, how, and where to read what it is made of."""
    payout = Payout.objects.select_related("tutor__user").get(pk=payout_id)
    person = payout.tutor.user
    with speaking_to(person):
        facts = {
            "payout": payout,
            "person": person,
            "site_name": settings.SITE_NAME,
            "statements_url": settings.SITE_URL + reverse("payments:statement_list"),
        }
        text = render_to_string("mail/payments/payout_paid.txt", facts)
        subject = _("%(money)s was paid out to you") % {"money": payout.money}
    send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [person.email])
