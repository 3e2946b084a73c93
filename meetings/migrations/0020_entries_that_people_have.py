"""Which mails brought an entry for a calendar: those about sessions to come, but where the provider invites by itself."""

from django.conf import settings
from django.db import migrations
from django.utils import timezone


def note_entries(apps, schema_editor):
    Notice = apps.get_model("bookings", "Notice")
    inviting = [name for name, entry in settings.MEETING_PROVIDERS.items() if entry.get("INVITES")]
    mailed = Notice.objects.filter(fact__in=["paid", "moved"], mailed_at__isnull=False, dropped_at=None)
    to_come = mailed.filter(booking__during__endswith__gt=timezone.now())
    to_come.exclude(booking__meeting__told_provider__in=inviting).update(entry="REQUEST")


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0015_entries_of_mails"),
        ("meetings", "0019_alert_of_differences"),
    ]

    operations = [
        migrations.RunPython(note_entries, migrations.RunPython.noop, elidable=True),
    ]
