"""The mails that invite students: what they hold, and how many are sent."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.errors import (
    InvitationRefused,
    InvitationUnknown,
)
from bookings.families import (
    MOST_MAILS_TO_ONE,
    MOST_WAITING,
    digest_of,
    end_link,
    find_invitation,
    invite_student,
    send_invitation_again,
)
from bookings.invitations import mail_invitation
from bookings.models import StudentLink, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db
State = StudentLink.State


def alternatives_of(message: mail.EmailMessage) -> list[tuple[str, str]]:
    """The mail's other forms, each with its kind."""
    assert isinstance(message, mail.EmailMultiAlternatives)
    return [(str(content), str(kind)) for content, kind in message.alternatives]


def key_in_mail() -> str:
    return _key_of(str(mail.outbox[-1].body))


def test_invitation_is_mailed_with_a_key_of_which_only_the_digest_is_kept(pat: User, drain):
    link = invite_student(pat, name="Kim", email=" Kim@Example.com ")
    drain()

    key = key_in_mail()
    assert mail.outbox[-1].to == ["kim@example.com"]
    [(page, kind)] = alternatives_of(mail.outbox[-1])
    assert (kind, f"/family/invitations/{key}/" in page) == ("text/html", True)
    assert "Pat Parent (pat@example.com)" in mail.outbox[-1].body
    link.refresh_from_db()
    assert (link.email, link.digest, link.state) == ("kim@example.com", digest_of(key), State.WAITING)
    assert key not in str(StudentLink.objects.values().get())
    assert find_invitation(key) == link


def test_invitation_mailed_by_a_job_that_runs_twice_has_one_key(pat: User):
    link = invite_student(pat, name="Kim", email="kim@example.com")
    [job] = ProcrastinateJob.objects.filter(task_name="bookings.mail_invitation")
    for _run in range(2):
        mail_invitation(link.pk, key=job.args["key"])

    assert {find_invitation(_key_of(str(one.body))) for one in mail.outbox} == {link}


def _key_of(body: str) -> str:
    found = re.search(r"/family/invitations/([^/\s]+)/", body)
    assert found
    return found.group(1)


def test_invitation_speaks_the_language_of_whoever_is_invited(pat: User, kim: User, drain):
    User.objects.filter(pk=kim.pk).update(language="id")
    invite_student(pat, name="Kim", email=kim.email)
    invite_student(pat, name="New", email="new@example.com")
    drain()

    assert ['lang="id"' in str(alternatives_of(one)[0][0]) for one in mail.outbox] == [True, False]


def test_invitation_withdrawn_before_its_mail_goes_out_is_not_mailed(pat: User, drain):
    link = invite_student(pat, name="Kim", email="kim@example.com")
    end_link(link, who=pat)

    drain()

    assert mail.outbox == []


def test_mail_sent_again_has_a_new_key_and_the_old_one_opens_nothing(pat: User, kim: User, drain):
    link = invite_student(pat, name="Kim", email=kim.email)
    drain()
    old = key_in_mail()
    with pytest.raises(InvitationRefused):
        send_invitation_again(link.reference, payer=pat)

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        send_invitation_again(link.reference, payer=pat)
        drain()

    assert find_invitation(key_in_mail()).reference == link.reference
    with pytest.raises(InvitationUnknown):
        find_invitation(old)


def test_nobody_can_make_the_site_bother_people(pat: User):
    for number in range(MOST_WAITING):
        invite_student(pat, name="Somebody", email=f"one{number}@example.com")
    with pytest.raises(InvitationRefused):
        invite_student(pat, name="Somebody", email="another@example.com")
    for _number in range(MOST_MAILS_TO_ONE):
        invite_student(make_user(), name="Victim", email="victim@example.com")
    with pytest.raises(InvitationRefused):
        invite_student(make_user(), name="Victim", email="victim@example.com")


def test_inviting_and_withdrawing_again_and_again_reaches_the_days_limit(pat: User):
    for number in range(10):
        end_link(invite_student(pat, name="Somebody", email=f"one{number}@example.com"), who=pat)
    with pytest.raises(InvitationRefused):
        invite_student(pat, name="Somebody", email="one-more@example.com")
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert invite_student(pat, name="Somebody", email="one-more@example.com").state is State.WAITING
