"""Another transaction that was paid on a page becomes a payment of its own, which knows whose page it was."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0010_refunds_without_a_time")]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="page_of",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="beside",
                to="payments.payment",
                verbose_name="on the page of",
            ),
        ),
    ]
