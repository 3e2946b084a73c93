import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0013_booking_of_student_by_tutor"),
        ("meetings", "0017_alert_of_the_set_up"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="noshowreport",
            name="no_show_report_decision_is_known",
        ),
        migrations.AlterField(
            model_name="noshowreport",
            name="absent",
            field=models.CharField(
                choices=[("student", "the student"), ("tutor", "the tutor"), ("room", "nobody: there was no room")],
                max_length=10,
                verbose_name="who was absent",
            ),
        ),
        migrations.AlterField(
            model_name="noshowreport",
            name="decision",
            field=models.CharField(
                blank=True,
                choices=[
                    ("student_absent", "the student was absent"),
                    ("tutor_absent", "the tutor was absent"),
                    ("unclear", "it is not clear who was absent"),
                    ("took_place", "the session took place"),
                    ("no_room", "there was no room, so the session did not take place"),
                ],
                max_length=20,
                verbose_name="decision",
            ),
        ),
        migrations.AlterField(
            model_name="noshowreport",
            name="reported_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="reported by",
            ),
        ),
        migrations.AlterField(
            model_name="noshowreport",
            name="statement",
            field=models.TextField(blank=True, max_length=2000, verbose_name="what happened"),
        ),
        migrations.AddIndex(
            model_name="meeting",
            index=models.Index(
                models.Func(models.F("during"), function="upper", output_field=models.DateTimeField()),
                condition=models.Q(("status", "failed")),
                name="meeting_failed_by_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="noshowreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decision__in", ["", "student_absent", "tutor_absent", "unclear", "took_place", "no_room"])
                ),
                name="no_show_report_decision_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="noshowreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("reported_by__isnull", False), ("absent", "room"), _connector="OR"),
                name="no_show_report_of_a_person_has_its_name",
            ),
        ),
    ]
