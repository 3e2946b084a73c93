from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0014_when_meetings_were_paid"),
    ]

    operations = [
        migrations.AddField(
            model_name="videoconnection",
            name="refused_why",
            field=models.CharField(blank=True, default="", editable=False, max_length=500, verbose_name="why it refused"),
        ),
    ]
