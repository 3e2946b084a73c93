"""Money that did not fit its order and went back gets a reason of its own: nobody of the staff had asked for it by sum."""

from __future__ import annotations

from django.db import migrations, models

MISFITS = """
    UPDATE payments_refund SET reason = 'misfit'
    WHERE reason = 'other' AND booking_id IS NULL AND asked_by_id IS NULL
"""
OTHERS = "UPDATE payments_refund SET reason = 'other' WHERE reason = 'misfit'"


class Migration(migrations.Migration):
    dependencies = [("payments", "0011_payments_beside")]

    operations = [
        migrations.AlterField(
            model_name="refund",
            name="reason",
            field=models.CharField(
                choices=[
                    ("late", "paid after the time was sold"),
                    ("twice", "paid twice"),
                    ("cancelled", "cancelled"),
                    ("absent", "somebody was absent"),
                    ("misfit", "did not fit its order"),
                    ("vendor", "sent back at the gateway itself"),
                    ("other", "other"),
                ],
                max_length=20,
                verbose_name="why",
            ),
        ),
        migrations.RunSQL(MISFITS, OTHERS),
    ]
