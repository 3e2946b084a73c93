"""Refunds that an older version makes while this one starts are found by an index of their own, which is empty otherwise."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0009_long_page_addresses")]

    operations = [
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("next_attempt_at", None), ("status", "pending")),
                fields=["id"],
                name="refund_pending_without_time",
            ),
        ),
    ]
