from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0012_standing_rooms_by_asking"),
    ]

    operations = [
        migrations.AddField(
            model_name="providercall",
            name="paused_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="left alone until"),
        ),
    ]
