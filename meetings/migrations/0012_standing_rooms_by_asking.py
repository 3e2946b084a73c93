from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0011_alert_of_the_forecast"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="vendorroom",
            index=models.Index(
                condition=models.Q(("state__in", ["asked", "made"])), fields=["asked_at"], name="vendor_room_by_asking"
            ),
        ),
    ]
