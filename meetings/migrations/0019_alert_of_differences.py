from django.db import migrations, models


def forget_kind(apps, schema_editor):
    """On the way back: the rule of before knows no such alert."""
    apps.get_model("meetings", "Alert").objects.filter(kind="differences").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0018_reports_of_no_room"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="alert",
            name="alert_kind_is_known",
        ),
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("missing", "sessions without an address"),
                    ("providers", "a provider fails"),
                    ("set_up", "calls refused because of the set-up"),
                    ("connections", "broken connections"),
                    ("queue", "background work is late"),
                    ("pool", "the pool is nearly full"),
                    ("forecast", "the pool will be nearly full"),
                    ("differences", "more rooms differ than is believable"),
                ],
                max_length=20,
                unique=True,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "missing",
                            "providers",
                            "set_up",
                            "connections",
                            "queue",
                            "pool",
                            "forecast",
                            "differences",
                        ],
                    )
                ),
                name="alert_kind_is_known",
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_kind),
    ]
