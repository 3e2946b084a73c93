from payments.models.payments import Payment
from payments.models.refunds import Refund
from payments.models.webhooks import WebhookEvent

__all__ = ["Payment", "Refund", "WebhookEvent"]
