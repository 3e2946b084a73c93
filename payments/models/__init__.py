from payments.models.books import Earning, Payout, ReceiptCounter
from payments.models.disputes import Dispute
from payments.models.payments import Payment
from payments.models.refunds import Refund
from payments.models.webhooks import WebhookEvent

__all__ = ["Dispute", "Earning", "Payment", "Payout", "ReceiptCounter", "Refund", "WebhookEvent"]
