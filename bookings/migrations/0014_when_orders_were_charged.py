from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0013_booking_of_student_by_tutor"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="charged_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
