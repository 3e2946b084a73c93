"""Who may book and pay for whom: a parent invites a child by e-mail, the child accepts once, either side ends it.

Lock order: the payer's cart and its bookings → the person who gives or gets the leave → the link (see holds.py). The
mail's address holds a key, of which only the digest is kept: whoever reads the database can accept nothing.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import notices
from bookings.errors import InvitationForSomebodyElse, InvitationOver, InvitationRefused, InvitationUnknown, NotFound
from bookings.holds import drop_from_order, lock_cart, lock_people
from bookings.jobs import enqueue
from bookings.models import Booking, Notice, StudentLink, User

log = logging.getLogger("linkpool.families")

# Mails go to addresses that never asked for them: nobody can make this site bother people.
MOST_WAITING = 5  # invitations of one payer that nobody has answered
MOST_MAILS_A_DAY = 10  # of one payer
MOST_MAILS_TO_ONE = 3  # to one address in a day, whoever sends them
RESEND_AFTER = timedelta(minutes=5)
A_DAY = timedelta(days=1)


def digest_of(key: str) -> str:
    """Return what is kept of a mail's key."""
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def invite_student(payer: User, *, name: str, email: str) -> StudentLink:
    """Ask this person by mail whether the payer may book for them; it can be accepted for INVITATION_DAYS.

    Raises InvitationRefused.
    """
    email, now = email.strip().lower(), timezone.now()
    lock_people(students={payer.pk}, tutors=())
    if email == payer.email:
        raise InvitationRefused(_("This is your own address. You need no invitation to book for yourself."))
    if payer.student_links.standing().filter(Q(student__email=email)).exists():
        raise InvitationRefused(_("You can book for this person already."))
    if payer.student_links.open(now).filter(email=email).exists():
        raise InvitationRefused(_("This person has been invited already. You can send the mail again from the list."))
    if payer.student_links.open(now).count() >= MOST_WAITING:
        raise InvitationRefused(_("Please wait for an answer to your other invitations, or withdraw one first."))
    _require_mail_allowed(payer, email, now)
    payer.student_links.filter(email=email, accepted_at=None, ended_at=None).update(ended_at=now)  # it had run out
    key = secrets.token_urlsafe(32)
    link = StudentLink.objects.create(
        payer=payer, name=name.strip(), email=email, digest=digest_of(key), expires_at=_last_moment(now), mailed_at=now
    )
    enqueue("bookings.mail_invitation", link_id=link.pk, key=key)
    log.info("student invited", extra={"user": payer.pk})
    return link


@transaction.atomic
def send_invitation_again(reference: str, *, payer: User) -> StudentLink:
    """Mail a new key, which replaces the one before, and start the days anew. Raises NotFound, InvitationRefused."""
    now = timezone.now()
    lock_people(students={payer.pk}, tutors=())
    link = _locked(payer.student_links.filter(reference=reference))
    if link.accepted_at is not None or link.ended_at is not None:
        raise InvitationRefused(_("This invitation has been answered or withdrawn. You can invite the person anew."))
    if now - link.mailed_at < RESEND_AFTER:
        raise InvitationRefused(_("The mail has just been sent. Please wait five minutes before you send it again."))
    _require_mail_allowed(payer, link.email, now)
    key = secrets.token_urlsafe(32)
    link.digest, link.expires_at, link.mailed_at, link.mails = digest_of(key), _last_moment(now), now, link.mails + 1
    link.save(update_fields=["digest", "expires_at", "mailed_at", "mails"])
    enqueue("bookings.mail_invitation", link_id=link.pk, key=key)
    return link


def find_invitation(key: str) -> StudentLink:
    """Return the invitation that this mail's key opens, whatever became of it. Raises InvitationUnknown."""
    link = StudentLink.objects.filter(digest=digest_of(key)).select_related("payer", "student").first()
    if link is None:
        raise InvitationUnknown
    return link


@transaction.atomic
def accept_invitation(link: StudentLink, *, person: User) -> StudentLink:
    """Let the payer book for this person, who was invited at this very address. A second time changes nothing.

    Raises InvitationForSomebodyElse, InvitationOver.
    """
    lock_people(students={person.pk}, tutors=())
    link = _locked(StudentLink.objects.filter(pk=link.pk))
    if link.student_id == person.pk and link.ended_at is None:
        return link
    _require_invited(link, person)
    if link.state is not StudentLink.State.WAITING:
        raise InvitationOver
    if StudentLink.objects.between(payer=link.payer_id, student=person.pk).exists():  # invited at two addresses
        raise InvitationOver(_("%(name)s can book for you already.") % {"name": link.payer.get_short_name()})
    link.accept(person, at=timezone.now())
    link.save(update_fields=["student", "accepted_at"])
    notices.tell(Notice.Fact.INVITATION_ACCEPTED, to=[link.payer], key=link.reference, name=link.student_name)
    log.info("invitation accepted", extra={"user": person.pk})
    return link


@transaction.atomic
def decline_invitation(link: StudentLink, *, person: User | None) -> StudentLink:
    """Say no. Whoever opened the mail need not log in for that; whoever did must be the one who was invited.

    A second time changes nothing. Raises InvitationForSomebodyElse, InvitationOver.
    """
    link = _locked(StudentLink.objects.filter(pk=link.pk))
    if person is not None:
        _require_invited(link, person)
    if link.state is StudentLink.State.DECLINED:
        return link
    if link.state is not StudentLink.State.WAITING:
        raise InvitationOver
    link.end(by=person, at=timezone.now())
    link.save(update_fields=["ended_by", "ended_at"])
    return link


@transaction.atomic
def end_link(link: StudentLink, *, who: User) -> StudentLink:
    """Withdraw the invitation, or end the leave: either side may, and an admin. A second time changes nothing.

    What is booked stays booked. Times that are only in the payer's cart for this student are released.
    """
    holds: list[Booking] = []
    if link.student_id is not None:
        holds = _lock_holds(link)
        lock_people(students={link.student_id}, tutors=())
    link = _locked(StudentLink.objects.filter(pk=link.pk))
    if link.ended_at is None:
        drop_from_order(holds)
        link.end(by=who, at=timezone.now())
        link.save(update_fields=["ended_by", "ended_at"])
        log.info("leave to book ended", extra={"user": who.pk})
    return link


def _lock_holds(link: StudentLink) -> list[Booking]:
    """Lock the cart even if that makes one: a hold that is being placed in the payer's first cart must not be missed."""
    holds = lock_cart(link.payer).bookings.filter(student=link.student_id, status=Booking.Status.HELD)
    return list(holds.order_by("pk").select_for_update())


def _locked(links: models.QuerySet[StudentLink]) -> StudentLink:
    link = links.select_related("payer", "student").select_for_update(of=("self",)).first()
    if link is None:
        raise NotFound
    return link


def _require_invited(link: StudentLink, person: User) -> None:
    if person.email != link.email or person.pk == link.payer_id:
        raise InvitationForSomebodyElse


def _require_mail_allowed(payer: User, email: str, now: datetime) -> None:
    lately = StudentLink.objects.filter(mailed_at__gt=now - A_DAY)
    if _mails(lately.filter(payer=payer).aggregate(sent=Sum("mails"))) >= MOST_MAILS_A_DAY:
        raise InvitationRefused(_("You have sent many invitations today. Please try again tomorrow."))
    if _mails(lately.filter(email=email).aggregate(sent=Sum("mails"))) >= MOST_MAILS_TO_ONE:
        raise InvitationRefused(_("This address has had enough mails for today. Please try again tomorrow."))


def _mails(counted: dict[str, int | None]) -> int:
    return counted["sent"] or 0


def _last_moment(now: datetime) -> datetime:
    return now + timedelta(days=settings.INVITATION_DAYS)
