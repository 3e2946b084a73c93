import django.db.models.deletion
from django.db import migrations, models

import payments.models.refunds


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0008_names_of_fields"),
        ("payments", "0002_refunds_of_bookings"),
    ]

    operations = [
        migrations.AlterField(
            model_name="payment",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payments",
                to="bookings.order",
                verbose_name="order",
            ),
        ),
        migrations.AlterField(
            model_name="payment",
            name="reference",
            field=models.CharField(editable=False, max_length=30, unique=True, verbose_name="reference"),
        ),
        migrations.AlterField(
            model_name="refund",
            name="booking",
            field=models.OneToOneField(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunded",
                to="bookings.booking",
                verbose_name="booking",
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="payment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="payments.payment",
                verbose_name="payment",
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="reference",
            field=models.CharField(
                default=payments.models.refunds.new_refund_reference,
                editable=False,
                max_length=20,
                unique=True,
                verbose_name="reference",
            ),
        ),
        migrations.AlterField(
            model_name="webhookevent",
            name="payment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="webhook_events",
                to="payments.payment",
                verbose_name="payment",
            ),
        ),
    ]
