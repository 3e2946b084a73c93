"""The receipt by mail: to the payer, once for every payment that pays for something.

What goes back whole is told of by the mail of its refund, which names the receipt as well: one mail for one fact.
"""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bookings.languages import speaking_to
from payments.models import Payment
from payments.receipts import make_receipt


def mail_receipt(payment_id: int) -> None:
    """Send the receipt; not of a payment that goes back whole."""
    payment = Payment.objects.select_related("order__payer").get(pk=payment_id)
    order = payment.order
    receipt = make_receipt(order)
    if receipt.payment != payment:
        return
    with speaking_to(order.payer):
        subject = _("Receipt %(number)s for %(money)s") % {"number": receipt.number, "money": payment.money_held}
        facts = {
            "receipt": receipt,
            "payment": payment,
            "order": order,
            "payer": order.payer,
            "subject": subject,
            "language": get_language(),
            "site_name": settings.SITE_NAME,
            "receipt_url": settings.SITE_URL + reverse("payments:order_receipt", args=[order.reference]),
        }
        mail = EmailMultiAlternatives(
            subject,
            render_to_string("mail/payments/receipt.txt", facts).strip() + "\n",
            settings.DEFAULT_FROM_EMAIL,
            [order.payer.email],
        )
        mail.attach_alternative(render_to_string("mail/payments/receipt.html", facts), "text/html")
    mail.extra_headers = {"Auto-Submitted": "auto-generated"}
    mail.send()
