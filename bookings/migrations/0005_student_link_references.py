"""A name for each link that pages may show, how often its mail went out, and who ended it."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import bookings.references


def name_links(apps, schema_editor):
    links = apps.get_model("bookings", "StudentLink").objects.filter(reference=None)
    for link in links.iterator():
        link.reference = bookings.references.new_link_reference()
        link.save(update_fields=["reference"])


class Migration(migrations.Migration):
    dependencies = [("bookings", "0004_scheduling")]

    operations = [
        migrations.AddField("studentlink", "reference", models.CharField(max_length=20, null=True, editable=False)),
        migrations.RunPython(name_links, migrations.RunPython.noop),
        migrations.AlterField(
            "studentlink",
            "reference",
            models.CharField(max_length=20, unique=True, default=bookings.references.new_link_reference, editable=False),
        ),
        migrations.AddField(
            "studentlink",
            "ended_by",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
            ),
        ),
        migrations.AddField(
            "studentlink",
            "mails",
            models.PositiveSmallIntegerField(default=1, editable=False, verbose_name="mails sent"),
        ),
        migrations.AddField(
            "studentlink",
            "mailed_at",
            models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="last mail at"),
        ),
    ]
