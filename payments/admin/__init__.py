"""What the admin sees of money: everything, read-only. Buttons call the verbs that jobs and pages call."""

from payments.admin import payments, refunds, webhooks

__all__ = ["payments", "refunds", "webhooks"]
