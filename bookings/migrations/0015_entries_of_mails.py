from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0014_when_orders_were_charged"),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="handovers",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="notice",
            name="entry",
            field=models.CharField(blank=True, default="", editable=False, max_length=10),
            preserve_default=False,
        ),
    ]
