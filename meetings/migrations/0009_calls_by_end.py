from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0012_address_wanted"),
        ("meetings", "0008_choose_link"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="meeting",
            index=models.Index(
                models.Func(models.F("during"), function="upper", output_field=models.DateTimeField()),
                condition=models.Q(("closed_at", None), ("status__in", ["ready", "ended"])),
                name="meeting_call_by_end",
            ),
        ),
    ]
