from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0008_refunds_are_sent")]

    operations = [
        migrations.AlterField(
            model_name="payment",
            name="checkout_url",
            field=models.URLField(blank=True, max_length=5000, verbose_name="payment page"),
        ),
    ]
