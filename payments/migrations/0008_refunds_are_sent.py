"""What was owed before refunds were sent by themselves is sent as well."""

from __future__ import annotations

import django.utils.timezone
from django.db import migrations, models

SEND = """
UPDATE payments_refund SET next_attempt_at = now()
WHERE status IN ('pending', 'submitted') AND next_attempt_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0007_pages_are_closed")]

    operations = [
        migrations.AlterField(
            model_name="refund",
            name="next_attempt_at",
            field=models.DateTimeField(
                blank=True, default=django.utils.timezone.now, null=True, verbose_name="next asked at"
            ),
        ),
        migrations.RunSQL(SEND, migrations.RunSQL.noop),
    ]
