"""A notice becomes one mail, however often anything runs and whatever dies in between."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.errors import NoticeOutdated
from bookings.models import Booking, Notice, Tutor, User
from bookings.notice_mails import STAMP, mail_notice, mail_unfinished, send_again
from bookings.notices import tell
from bookings.orders import mark_order_paid
from config.tasks import send_mail
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_order, make_user, tomorrow
from tests.race import race

pytestmark = pytest.mark.django_db
Fact = Notice.Fact
Status = Booking.Status


@pytest.fixture(autouse=True)
def _queued(settings: Any) -> None:
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"


@pytest.fixture
def lesson(sam: User, ada: Tutor) -> Booking:
    return make_booking(sam, ada, status=Status.PAID)


def paid_notice(lesson: Booking) -> Notice:
    [notice] = tell(Fact.PAID, to=[lesson.student], booking=lesson)
    return notice


def queued_mails() -> list[dict[str, Any]]:
    jobs = ProcrastinateJob.objects.filter(task_name="config.send_mail", status="todo").order_by("id")
    return [job.args["mail"] for job in jobs]


@pytest.mark.defect("TB-25")
def test_paid_order_is_told_to_student_and_tutor_by_mail(sam: User, ada: Tutor, drain: Drain):
    booking = make_booking(sam, ada)

    mark_order_paid(booking.order)
    drain()

    assert [(one.to, one.subject.partition(":")[0]) for one in mail.outbox] == [
        (["sam@example.com"], "Confirmed"),
        (["ada@example.com"], "New session"),
    ]
    assert all(notice.sent_at for notice in Notice.objects.all())


@pytest.mark.defect("CE-06", "IT-29")
def test_same_fact_is_told_and_mailed_once(lesson: Booking, drain: Drain):
    assert len(tell(Fact.PAID, to=[lesson.student, lesson.student], booking=lesson)) == 1
    assert tell(Fact.PAID, to=[lesson.student], booking=lesson) == []
    notice = Notice.objects.get()
    drain()

    assert mail_notice(notice.pk) is False
    assert mail_unfinished(now=timezone.now() + timedelta(hours=1)) == 0
    drain()
    assert len(mail.outbox) == 1


def test_payer_of_others_gets_one_mail_for_the_order_and_students_one_for_each_session(ada, sam, kim, drain: Drain):
    parent = make_user("parent@example.com")
    order = make_order(parent)
    make_booking(sam, ada, order=order)
    make_booking(kim, ada, order=order, during=an_hour(tomorrow(15)))

    mark_order_paid(order)
    drain()

    to = [one.to[0] for one in mail.outbox]
    assert sorted(to) == ["ada@example.com", "ada@example.com", "kim@example.com", "parent@example.com", "sam@example.com"]
    theirs: Any = mail.outbox[to.index("parent@example.com")]
    assert str(theirs.body).count("Maths lesson of ") == 2
    assert [kind for _content, kind in theirs.alternatives] == ["text/html"]  # sits in no session: no entry


def test_notice_of_a_change_that_was_undone_is_never_told(lesson: Booking, drain: Drain):
    with transaction.atomic():
        paid_notice(lesson)
        transaction.set_rollback(True)

    assert (drain(), Notice.objects.count()) == ([], 0)


@pytest.mark.django_db(transaction=True)
def test_eight_workers_make_one_mail_and_send_it_once(lesson: Booking):
    notice = paid_notice(lesson)

    made = race(lambda _number: mail_notice(notice.pk), threads=8)
    assert sorted(one.value for one in made) == [False] * 7 + [True]
    [packed] = queued_mails()

    sent = race(lambda _number: send_mail(mail=packed), threads=8)
    assert [one.error for one in sent] == [None] * 8
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_eight_tellers_at_once_tell_once(lesson: Booking):
    told = race(lambda _number: len(tell(Fact.PAID, to=[lesson.student], booking=lesson)), threads=8)

    assert sorted(one.value for one in told) == [0] * 7 + [1]
    assert ProcrastinateJob.objects.count() == 1


def test_lost_job_is_found_and_mailed(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)
    _lose_jobs()

    assert mail_unfinished(now=timezone.now()) == 0  # its job may still come
    assert mail_unfinished(now=timezone.now() + timedelta(minutes=3)) == 1
    drain()

    notice.refresh_from_db()
    assert (len(mail.outbox), notice.sent_at is not None) == (1, True)


def test_worker_killed_while_making_the_mail_leaves_nothing_half_done(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)

    with transaction.atomic():
        mail_notice(notice.pk)
        transaction.set_rollback(True)  # as the database does for whoever dies before the commit

    notice.refresh_from_db()
    assert (notice.mailed_at, queued_mails()) == (None, [])
    drain()
    assert len(mail.outbox) == 1


def test_worker_killed_after_sending_sends_no_second_mail(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)
    mail_notice(notice.pk)
    [packed] = queued_mails()
    send_mail(mail=packed)  # and dies before its job is marked as done: somebody takes it up again

    drain()

    assert len(mail.outbox) == 1
    assert STAMP not in mail.outbox[0].message()


def test_mail_server_that_is_away_only_delays(lesson: Booking, drain: Drain, settings: Any):
    notice = paid_notice(lesson)
    working = settings.MAIL_BACKEND
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", _closed_port()

    assert drain() == [("bookings.mail_notice", "succeeded"), ("config.send_mail", "todo")]
    notice.refresh_from_db()
    assert (notice.mailed_at is not None, notice.sent_at) == (True, None)

    settings.MAIL_BACKEND = working
    _bring_forward()
    drain()
    notice.refresh_from_db()
    assert (len(mail.outbox), notice.sent_at is not None) == (1, True)


def test_mail_that_no_server_took_for_hours_is_made_anew(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)
    mail_notice(notice.pk)
    _lose_jobs()

    assert mail_unfinished(now=timezone.now() + timedelta(hours=5)) == 0
    with time_machine.travel(timezone.now() + timedelta(hours=7)):
        assert mail_unfinished(now=timezone.now()) == 1
        drain()
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert mail_unfinished(now=timezone.now()) == 0

    assert len(mail.outbox) == 1


def test_one_notice_that_cannot_be_mailed_stops_no_other(lesson: Booking, ada: Tutor, drain: Drain):
    Notice.objects.create(to=ada.user, fact="unheard_of", key="x")
    paid_notice(lesson)
    _lose_jobs()

    assert mail_unfinished(now=timezone.now() + timedelta(minutes=3)) == 1


def test_mail_that_waited_while_its_session_was_called_off_does_not_leave(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)
    mail_notice(notice.pk)
    Booking.objects.filter(pk=lesson.pk).update(status=Status.CANCELLED)

    drain()

    notice.refresh_from_db()
    assert (mail.outbox, notice.dropped_at is not None, notice.sent_at) == ([], True, None)


def test_mail_that_waited_while_its_session_moved_tells_the_new_time(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)
    mail_notice(notice.pk)
    later = an_hour(tomorrow(15, days=3))
    Booking.objects.filter(pk=lesson.pk).update(during=(later.start, later.end), blocks=(later.start, later.end), sequence=1)

    drain()

    sent: Any = mail.outbox[0]
    assert "22:00–23:00 (Asia/Jakarta)" in str(sent.body)
    assert "SEQUENCE:1" in str(sent.alternatives[-1][0])


def test_people_whose_account_is_closed_get_no_mail(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)
    User.objects.filter(pk=lesson.student_id).update(is_active=False)

    drain()

    notice.refresh_from_db()
    assert (mail.outbox, notice.dropped_at is not None) == ([], True)


def test_notice_is_sent_again_as_an_admin_wishes_under_another_message_id(lesson: Booking, drain: Drain):
    notice = paid_notice(lesson)
    drain()

    send_again(notice)
    drain()

    first, second = (one.message()["Message-ID"] for one in mail.outbox)
    assert first != second
    assert str(notice.pk) not in first.split("@")[0].strip("<").split(".")


def test_what_is_no_longer_true_is_not_sent_again(lesson: Booking):
    notice = paid_notice(lesson)
    Booking.objects.filter(pk=lesson.pk).update(status=Status.CANCELLED)

    with pytest.raises(NoticeOutdated):
        send_again(notice)


def _lose_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def _bring_forward() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
