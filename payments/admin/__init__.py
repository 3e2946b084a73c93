"""What the admin sees of money: everything, read-only. Buttons call the verbs that jobs and pages call."""

from payments.admin import earnings, payments, payouts, refunds, webhooks

__all__ = ["earnings", "payments", "payouts", "refunds", "webhooks"]
