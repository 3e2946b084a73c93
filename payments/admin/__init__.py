"""What the admin sees of money: everything, read-only. Buttons call the verbs that jobs and pages call."""

from payments.admin import disputes, earnings, payments, payouts, refunds, webhooks

__all__ = ["disputes", "earnings", "payments", "payouts", "refunds", "webhooks"]
