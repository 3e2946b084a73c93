"""Background work of this app. Each job may run twice, in two workers, and be killed halfway."""

from __future__ import annotations

from collections.abc import Callable

import requests
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django import app

from bookings.jobs import WHEN_DATABASE_IS_BACK, Backoff, enqueue
from bookings.kept import read_kept
from bookings.rounds import for_each
from bookings.staff import Letter, mail_staff
from payments import (
    closing,
    earnings,
    inbox,
    inquiries,
    payout_mails,
    pretending,
    proofs,
    receipt_mails,
    receipt_numbers,
    refund_mails,
    refund_sending,
    refunds,
    webhooks,
)
from payments.errors import GatewayUnavailable
from payments.gateways import get_gateway
from payments.gateways.http import TIMEOUTS
from payments.gateways.sandbox import HEADER, SandboxGateway
from payments.models import Payment, Refund, WebhookEvent

BATCH = 200


@app.task(name="payments.apply_webhook_event", retry=Backoff(runs=4))
def apply_webhook_event(event_id: int) -> None:
    """Apply a stored message; after a few quick tries it waits for `apply_due_events`."""
    webhooks.apply_event(event_id)


@app.periodic(cron="* * * * *")
@app.task(name="payments.apply_due_events", queueing_lock="payments.apply_due_events")
def apply_due_events(timestamp: int) -> None:
    """Find messages that no job has applied, whatever became of their jobs."""
    webhooks.enqueue_due_events(now=timezone.now())


@app.task(name="payments.apply_events_in_line", retry=WHEN_DATABASE_IS_BACK)
def apply_events_in_line() -> None:
    """Apply what somebody has put in line, a batch after the other: each batch calls the next."""
    if webhooks.enqueue_due_events(now=timezone.now(), limit=BATCH) == BATCH:
        enqueue("payments.apply_events_in_line")


@app.periodic(cron="41 19 * * *")  # UTC: between two and three at night in Jakarta
@app.task(name="payments.empty_old_messages", queueing_lock="payments.empty_old_messages")
def empty_old_messages(timestamp: int) -> None:
    """Throw away the bodies that have been kept for long enough, in batches; what is too much for one day can wait."""
    last = 0
    for _batch in range(BATCH):
        last = inbox.empty_old_bodies(now=timezone.now(), after_id=last)
        if not last:
            return


@app.task(name="payments.check_payment", retry=WHEN_DATABASE_IS_BACK)
def check_payment(payment_id: int) -> None:
    """Ask the gateway about one attempt. Trouble with the gateway is not retried here: the row says when to ask again."""
    inquiries.check_payment(Payment.objects.select_related("order").get(pk=payment_id))


@app.periodic(cron="* * * * *")
@app.task(name="payments.check_due_payments", queueing_lock="payments.check_due_payments")
def check_due_payments(timestamp: int) -> None:
    """Find attempts of which nothing has been heard."""
    inquiries.watch_refunds(now=timezone.now())
    inquiries.enqueue_due_checks(now=timezone.now())


@app.task(name="payments.close_payment", retry=WHEN_DATABASE_IS_BACK)
def close_payment(payment_id: int) -> None:
    """Close the page of one attempt. Trouble is not retried here: the row says when to try again."""
    closing.close_due(Payment.objects.select_related("order").get(pk=payment_id))


@app.periodic(cron="* * * * *")
@app.task(name="payments.close_superseded", queueing_lock="payments.close_superseded")
def close_superseded(timestamp: int) -> None:
    """Ask once more before deadlines, and close the pages of attempts that are not to be paid any more."""
    closing.make_round(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="payments.owe_refunds", queueing_lock="payments.owe_refunds")
def owe_refunds(timestamp: int) -> None:
    """Find sessions whose refund was decided and that nobody has owed yet."""
    for_each(refunds.bookings_to_owe_for()[:BATCH], refunds.owe_for_booking)


@app.task(name="payments.send_refund", retry=WHEN_DATABASE_IS_BACK)
def send_refund(refund_id: int, attempts: int) -> None:
    """Ask the gateway for one refund. Trouble with the gateway is not retried here: the row says when to ask again."""
    refund_sending.send_refund(Refund.objects.get(pk=refund_id), attempts=attempts)


@app.periodic(cron="* * * * *")
@app.task(name="payments.send_due_refunds", queueing_lock="payments.send_due_refunds")
def send_due_refunds(timestamp: int) -> None:
    """Find refunds that are to be asked for, or to be looked after, again."""
    refund_sending.enqueue_due_refunds(now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="payments.number_receipts", queueing_lock="payments.number_receipts")
def number_receipts(timestamp: int) -> None:
    """Find money that came or went without the number of its receipt."""
    receipt_numbers.number_receipts()


@app.task(name="payments.settle_earnings", retry=Backoff(runs=4))
def settle_earnings(order_id: int) -> None:
    """Bring the tutors' account of an order up to what its sessions should earn."""
    earnings.settle_earnings(order_id)


@app.periodic(cron="*/10 * * * *")
@app.task(name="payments.settle_all_earnings", queueing_lock="payments.settle_all_earnings")
def settle_all_earnings(timestamp: int) -> None:
    """Find sessions that are over, and earnings whose news was lost."""
    earnings.settle_all_earnings()


@app.periodic(cron="10 0 * * *")
@app.task(name="payments.check_books", queueing_lock="payments.check_books")
def check_books(timestamp: int) -> None:
    """Prove once a day that the books add up; the staff hear of what does not."""
    proofs.tell_staff_of_books()


@app.task(name="payments.deliver_sandbox_webhook", retry=Backoff(runs=8, base=2))
def deliver_sandbox_webhook(body: str) -> None:
    """Send a message of the pretend bank to this site over HTTP, signed afresh at each try."""
    gateway, raw = _sandbox(), body.encode()
    headers = {"Content-Type": "application/json", HEADER: gateway.sign(raw)}
    answer = requests.post(gateway.webhook_url, data=raw, headers=headers, timeout=TIMEOUTS, allow_redirects=False)
    if answer.status_code != 200:
        raise GatewayUnavailable(f"the site answered its own sandbox HTTP {answer.status_code}")


@app.task(name="payments.pay_sandbox_late", retry=WHEN_DATABASE_IS_BACK)
def pay_sandbox_late(token: str) -> None:
    """Pay an order at the pretend bank whose deadline has passed."""
    gateway = _sandbox()
    pretending.take_late_money(gateway, gateway.read_ticket(token))


def _sandbox() -> SandboxGateway:
    gateway = get_gateway(SandboxGateway.name)
    if not isinstance(gateway, SandboxGateway):
        raise TypeError("the settings put another gateway in the sandbox's place")
    return gateway


@app.task(name="payments.mail_staff_of_payment", retry=Backoff())
def mail_staff_of_payment(payment_id: int, what: str) -> None:
    """Tell the staff what about a payment needs a person."""
    payment = Payment.objects.get(pk=payment_id)
    address = reverse("admin:payments_payment_change", args=[payment_id])
    _mail_staff(what, lambda: f"{payment.reference}, {payment.gateway}, {payment.money}", address)


@app.task(name="payments.mail_staff_of_message", retry=Backoff())
def mail_staff_of_message(event_id: int, what: str) -> None:
    """Tell the staff what about a gateway's message needs a person."""
    event = WebhookEvent.objects.get(pk=event_id)
    address = reverse("admin:payments_webhookevent_change", args=[event_id])
    _mail_staff(what, lambda: str(event), address)


def _mail_staff(what: str, about: Callable[[], str], address: str) -> None:
    def write() -> Letter:
        said = read_kept(what)
        return f"[{settings.SITE_NAME}] {said}", f"{said}\n\n{about()}\n\n{settings.SITE_URL}{address}\n"

    mail_staff(write)


@app.task(name="payments.mail_payer_of_refund", retry=Backoff())
def mail_payer_of_refund(refund_id: int) -> None:
    """Tell the payer that money goes back, and why."""
    refund_mails.mail_refund_due(refund_id)


@app.task(name="payments.mail_payer_of_refund_sent", retry=Backoff())
def mail_payer_of_refund_sent(refund_id: int) -> None:
    """Tell the payer that the money has been sent."""
    refund_mails.mail_refund_sent(refund_id)


@app.task(name="payments.mail_payer_of_receipt", retry=Backoff())
def mail_payer_of_receipt(payment_id: int) -> None:
    """Send the payer the receipt of a payment that arrived."""
    receipt_mails.mail_receipt(payment_id)


@app.task(name="payments.mail_tutor_of_payout", retry=Backoff())
def mail_tutor_of_payout(payout_id: int) -> None:
    """Tell the tutor that a payout was sent."""
    payout_mails.mail_payout_paid(payout_id)
