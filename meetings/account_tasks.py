"""Background work for accounts at vendors and for switches of provider. Each job may run twice, and be killed halfway."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from bookings.jobs import HASTE, LEISURE, WHEN_DATABASE_IS_BACK, Backoff, enqueue_once
from bookings.models import Tutor
from meetings import alerts, connection_mails, giving_back, keeping_alive, provisioning, renewing, switch_mails, switching
from meetings.models import ProviderSwitch, VideoConnection

SWITCHING_SECONDS = 50  # a job moves sessions for so long; the round of every minute goes on


@app.task(name="meetings.tell_of_broken_connection", retry=Backoff())
def tell_of_broken_connection(connection_id: int) -> None:
    """Tell the tutor that an account must be connected again."""
    connection_mails.tell_of_broken_connection(connection_id)


@app.task(name="meetings.tell_of_end", retry=Backoff())
def tell_of_end(connection_id: int) -> None:
    """Tell the tutor that a consent ends soon."""
    connection_mails.tell_of_end(connection_id)


@app.periodic(cron="23 * * * *")
@app.task(name="meetings.look_after_accounts", queueing_lock="meetings.look_after_accounts")
def look_after_accounts(timestamp: int) -> None:
    """Keep idle consents alive, warn of those that end, give back those that were ended."""
    keeping_alive.look_after_accounts(timezone.now())


@app.task(name="meetings.check_account", retry=WHEN_DATABASE_IS_BACK, priority=LEISURE)
def check_account(connection_id: int) -> None:
    """Renew an account's token and look at what it can do."""
    keeping_alive.check_and_note(VideoConnection.objects.get(pk=connection_id))


@app.periodic(cron="* * * * *")
@app.task(name="meetings.renew_for_doors", queueing_lock="meetings.renew_for_doors", priority=HASTE)
def renew_for_doors(timestamp: int) -> None:
    """Have the accounts ready with which tutors are about to come in."""
    renewing.renew_for_doors(timezone.now())


@app.task(name="meetings.renew_account", retry=WHEN_DATABASE_IS_BACK, priority=LEISURE)
def renew_account(connection_id: int) -> None:
    """Renew an account's token if it ends soon."""
    renewing.renew(VideoConnection.objects.get(pk=connection_id))


@app.task(name="meetings.give_back", retry=WHEN_DATABASE_IS_BACK, priority=LEISURE)
def give_back(connection_id: int) -> None:
    """Hand a consent that was ended back to the vendor, once no room needs it any more."""
    giving_back.take_turn(VideoConnection.objects.get(pk=connection_id))


@app.task(name="meetings.mail_staff_of_other_account", retry=Backoff())
def mail_staff_of_other_account(connection_id: int) -> None:
    """Tell the staff what an account that is not in the settings any more leaves behind."""
    alerts.mail_staff_of_other_account(VideoConnection.objects.get(pk=connection_id))


@app.task(name="meetings.carry_on_switch", retry=Backoff(runs=4), priority=LEISURE)
def carry_on_switch(switch_id: int) -> None:
    """Move the sessions of a switch of provider. What is left is taken up by the next round."""
    switching.carry_on(ProviderSwitch.objects.get(pk=switch_id), seconds=SWITCHING_SECONDS)


@app.periodic(cron="* * * * *")
@app.task(name="meetings.carry_on_switches", queueing_lock="meetings.carry_on_switches", priority=HASTE)
def carry_on_switches(timestamp: int) -> None:
    """Go on with the switches that have a session to move now, whatever became of their job."""
    for switch in switching.unfinished(timezone.now()):
        enqueue_once("meetings.carry_on_switch", lock=f"meetings.carry_on_switch:{switch.pk}", switch_id=switch.pk)


@app.task(name="meetings.tell_of_switch", retry=Backoff())
def tell_of_switch(switch_id: int) -> None:
    """Tell each student once of all the sessions that a switch has moved."""
    switch_mails.tell_of_switch(switch_id)


@app.task(name="meetings.try_again_for", retry=Backoff(runs=4))
def try_again_for(tutor_id: int) -> None:
    """An account was connected: provide for the tutor's sessions that wait."""
    provisioning.try_again_for(Tutor.objects.get(pk=tutor_id))
