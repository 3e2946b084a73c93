"""What the payer is told by mail: that money goes back and why, and that it has been sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bookings.languages import speaking_to
from payments.lost_times import tell_kept_times, tell_lost_times
from payments.models import Refund


def mail_refund_due(refund_id: int) -> None:
    """Tell the payer that money goes back to them; not if that was given up before the mail left."""
    refund = _load(refund_id)
    if refund.is_given_up:
        return
    with speaking_to(refund.payment.order.payer):
        is_part = refund.booking or refund.asked_by
        subject = _("%(money)s goes back to you") if is_part else _("Your payment of %(money)s goes back to you")
        also = {"kept": tell_kept_times(refund), "lost": tell_lost_times(refund)}
        _send(refund, subject % {"money": refund.money}, "mail/payments/refund_due.txt", also)


def mail_refund_sent(refund_id: int) -> None:
    """Tell the payer that the money has been sent; not if it has come back since."""
    refund = _load(refund_id)
    if not refund.has_arrived:
        return
    with speaking_to(refund.payment.order.payer):
        subject = _("%(money)s has been sent back to you") % {"money": refund.money}
        _send(refund, subject, "mail/payments/refund_sent.txt", {})


def _load(refund_id: int) -> Refund:
    return Refund.objects.select_related("payment__order__payer", "booking").get(pk=refund_id)


def _send(refund: Refund, subject: str, template: str, also: Mapping[str, Any]) -> None:
    order = refund.payment.order
    facts = {
        "refund": refund,
        "order": order,
        "payer": order.payer,
        "subject": subject,
        "language": get_language(),
        "site_name": settings.SITE_NAME,
        "order_url": settings.SITE_URL + order.get_absolute_url(),
        **also,
    }
    text = "\n\n".join(part.strip() for part in render_to_string(template, facts).split("\n\n") if part.strip())
    greeting, sentence, *paragraphs = text.split("\n\n")
    parts = {"greeting": greeting, "sentence": sentence, "paragraphs": paragraphs}
    page = render_to_string("mail/payments/refund.html", facts | parts)
    ending = f"{_('Your order')}:\n{facts['order_url']}\n\n-- \n{settings.SITE_NAME}\n"
    lists = render_to_string("mail/payments/lost_times.txt", facts).strip()
    body = "\n\n".join(part for part in (text, lists, ending) if part)
    mail = EmailMultiAlternatives(subject, body, settings.DEFAULT_FROM_EMAIL, [order.payer.email])
    mail.extra_headers = {"Auto-Submitted": "auto-generated"}
    mail.attach_alternative(page, "text/html")
    mail.send()
