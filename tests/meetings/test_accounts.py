"""An account's life after consent: looked after when idle, its owner told in time."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.models import Tutor
from meetings import connections
from meetings.accounts import check_account
from meetings.connections import access_to, mark_broken
from meetings.errors import ConnectionBroken
from meetings.keeping_alive import check_and_note, look_after_accounts
from meetings.models import VideoConnection
from tests.conftest import Drain
from tests.factories import make_tutor
from tests.meetings.consenting import ConsentDouble, connect, providers, stored
from tests.race import race

DAY = timedelta(days=1)


def test_tutor_is_told_once_that_the_account_broke(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)

    for _time in range(2):
        mark_broken(connection, why=connections.CONSENT_GONE)
        drain()

    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["ada@example.com"], "Please connect Zoom again")
    assert "http://testserver/teaching/meetings/" in letter.body
    assert connections.CONSENT_GONE() in letter.body


def test_tutor_is_not_mailed_of_an_account_that_works_again(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)
    mark_broken(connection, why=connections.CONSENT_GONE)
    VideoConnection.objects.update(status="active", broken_at=None)

    drain()

    assert not mail.outbox


@pytest.mark.defect("IT-18")
def test_idle_account_is_renewed_daily_and_a_used_one_left_alone(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    idle = connect(ada, vendor, last_refreshed_at=timezone.now() - DAY, checked_at=timezone.now() - DAY)

    assert look_after_accounts(timezone.now()) == 1
    drain()

    assert vendor.refreshes == 1
    refreshed_at = stored(idle).last_refreshed_at
    assert refreshed_at is not None
    assert refreshed_at > timezone.now() - timedelta(minutes=1)
    assert look_after_accounts(timezone.now()) == 0


def test_vendor_that_hangs_does_not_keep_every_account_waiting(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    accounts = [connect(tutor, vendor) for tutor in (ada, make_tutor(), make_tutor())]
    vendor.set_fault_rates(reset_before=1.0)
    look_after_accounts(timezone.now())
    drain()
    assert len(vendor.requests) == 1

    vendor.set_fault_rates()
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        look_after_accounts(timezone.now())
        drain()
    assert [stored(account).checked_at is None for account in accounts] == [False] * 3


def test_vendor_that_says_later_of_one_account_is_asked_about_the_others(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    for tutor in (ada, make_tutor(), make_tutor()):
        connect(tutor, vendor)
    vendor.set_fault_rates(busy=1.0)
    look_after_accounts(timezone.now())
    drain()
    assert len(vendor.requests) == 3


def test_account_that_waits_to_be_looked_at_is_not_put_in_line_again(ada: Tutor, vendor: ConsentDouble):
    connect(ada, vendor)
    for _hour in range(3):
        look_after_accounts(timezone.now())
    assert ProcrastinateJob.objects.filter(task_name="meetings.check_account").count() == 1


def test_consent_that_is_gone_is_found_before_a_lesson_needs_it(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)
    vendor.grants.clear()

    look_after_accounts(timezone.now())
    drain()

    assert not stored(connection).is_usable
    assert len(mail.outbox) == 1


def test_account_that_lacks_a_right_by_now_is_broken(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    vendor.rights = frozenset({"me:read"})

    with pytest.raises(ConnectionBroken):
        check_account(connection)

    assert stored(connection).broken_why == connections.RIGHTS_LACK()


def test_account_that_can_no_longer_host_is_not_offered(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    vendor.can_host = False

    check_account(connection)

    assert (stored(connection).can_host, stored(connection).remark) == (False, "It cannot hold meetings.")


def test_tutor_is_warned_once_a_week_before_the_consent_ends(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    fresh: dict[str, Any] = {"last_refreshed_at": timezone.now(), "checked_at": timezone.now()}
    connection = connect(ada, vendor, grant_ends_at=timezone.now() + timedelta(days=8), **fresh)

    assert look_after_accounts(timezone.now()) == 0
    VideoConnection.objects.update(grant_ends_at=timezone.now() + timedelta(days=7))
    for _time in range(2):
        look_after_accounts(timezone.now())
        drain()

    assert [letter.subject for letter in mail.outbox] == ["Your consent at Zoom ends soon"]
    assert stored(connection).is_usable


def rotate() -> str:
    out = StringIO()
    call_command("rotate_tokens", stdout=out)
    return out.getvalue()


def test_tokens_are_encrypted_anew_and_the_old_key_can_go(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    token = stored(connection).access_token
    newest = Fernet.generate_key().decode()

    with override_settings(TOKEN_KEYS=[newest, *settings.TOKEN_KEYS]):
        assert stored(connection).access_token == token
        for _time in range(2):
            assert "connections encrypted anew: 1" in rotate()
    with override_settings(TOKEN_KEYS=[newest]):
        assert access_to(connection).token() == token


def test_rotation_tells_what_no_key_opens_and_leaves_it(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)

    with override_settings(TOKEN_KEYS=[Fernet.generate_key().decode()]), pytest.raises(CommandError, match="cannot be read"):
        rotate()

    assert stored(connection).access_token


@pytest.mark.django_db(transaction=True)
def test_rotation_loses_no_token_that_is_renewed_at_the_same_moment(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    refused = stored(connection).access_token

    def work(number: int) -> object:
        return rotate() if number % 2 else access_to(connection).renewed(refused)

    outcomes = race(work, threads=6)

    assert [one.error for one in outcomes] == [None] * 6
    assert (stored(connection).refresh_token in vendor.grants, vendor.refreshes) == (True, 1)


def test_account_that_could_not_be_read_works_again_when_its_key_is_back(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)
    with override_settings(TOKEN_KEYS=[Fernet.generate_key().decode()]):
        look_after_accounts(timezone.now())
        drain()
        assert VideoConnection.objects.get().is_unreadable
        check_and_note(VideoConnection.objects.get())
        assert not VideoConnection.objects.get().is_usable

    look_after_accounts(timezone.now())
    drain()

    assert stored(connection).is_usable
    assert not mail.outbox


def test_broken_account_of_the_site_is_looked_at_every_hour(vendor: ConsentDouble, drain: Drain, db: None):
    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="owner@vendor.test")):
        site = connections.connection_of_site("zoom")
        check_and_note(site)
        mark_broken(site, why=connections.CONSENT_GONE)

        assert look_after_accounts(timezone.now()) == 1
        drain()

        assert connections.connection_of_site("zoom").is_usable
        assert look_after_accounts(timezone.now()) == 0


def test_account_of_the_site_that_stays_shut_does_not_break_anew(vendor: ConsentDouble, drain: Drain, db: None):
    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="owner@vendor.test")):
        site = connections.connection_of_site("zoom")
    mark_broken(site, why=connections.CONSENT_GONE)
    broken_at = stored(site).broken_at

    look_after_accounts(timezone.now())
    drain()

    assert stored(site).broken_at == broken_at


def test_another_account_of_the_site_has_a_row_of_its_own(vendor: ConsentDouble, db: None):
    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="old@vendor.test")):
        old = connections.connection_of_site("zoom")
    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="new@vendor.test")):
        new = connections.connection_of_site("zoom")
        assert connections.connection_of_site("zoom") == new

    old.refresh_from_db()
    assert (old.account, old.is_usable) == ("old@vendor.test", False)
    assert (new.account, new.is_usable) == ("new@vendor.test", True)


def test_account_of_the_site_heals_when_its_keys_do(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="owner@vendor.test")):
        site = connections.connection_of_site("zoom")
        mark_broken(site, why=connections.CONSENT_GONE)
        assert connections.connection_for(ada, "zoom") is None

        look_after_accounts(timezone.now())
        drain()

        assert connections.connection_for(ada, "zoom") == site
