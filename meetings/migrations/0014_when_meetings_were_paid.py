from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0013_calls_that_ask_for_a_pause"),
    ]

    operations = [
        migrations.AddField(
            model_name="meeting",
            name="paid_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
