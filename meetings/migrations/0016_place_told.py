"""Where people believe a session to be held, as far as rows tell."""

from django.db import migrations, models
from django.db.models import Case, F, OuterRef, Subquery, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone


def note_what_was_told(apps, schema_editor):
    """Of sessions to come: one that is ready has been told where it is; one that waits, by the last notice, if at all."""
    Meeting, Notice = apps.get_model("meetings", "Meeting"), apps.get_model("bookings", "Notice")
    Booking = apps.get_model("bookings", "Booking")
    now, name = timezone.now(), models.CharField(max_length=20)
    of_meeting = Notice.objects.filter(booking=OuterRef("booking"), fact="link_changed", details__has_key="provider")
    told = Subquery(of_meeting.order_by("-pk").annotate(there=Cast(KT("details__provider"), name)).values("there")[:1])
    wish = Subquery(Booking.objects.filter(pk=OuterRef("booking")).values("tutor__meeting_provider"))
    to_come = Meeting.objects.filter(during__endswith__gt=now)
    to_come.update(told_provider=Case(When(status="ready", then=F("provider")), default=Coalesce(told, wish)))
    # Of a switch that is under way students hear at its end.
    untold = apps.get_model("meetings", "SessionSwitch").objects.filter(outcome="moved", switch__told_at=None)
    for line in untold.filter(meeting__in=to_come, switch__provider=F("meeting__provider")):
        Meeting.objects.filter(pk=line.meeting_id).update(told_provider=line.was_provider)


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0014_when_orders_were_charged"),
        ("meetings", "0015_why_an_account_refused"),
    ]

    operations = [
        migrations.AddField(
            model_name="meeting",
            name="told_provider",
            field=models.CharField(blank=True, default="", editable=False, max_length=20),
            preserve_default=False,
        ),
        migrations.RunPython(note_what_was_told, migrations.RunPython.noop, elidable=True),
    ]
