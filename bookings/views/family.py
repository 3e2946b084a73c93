"""The people I book for, and those who book for me."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bookings.access import PersonRequest
from bookings.errors import DomainError
from bookings.families import (
    accept_invitation,
    decline_invitation,
    end_link,
    invite_student,
    send_invitation_again,
)
from bookings.forms import InvitationForm
from bookings.models import StudentLink
from bookings.views.answers import SeeOther

# An answer that ended things stays in the list this long, so that the payer gets to read it.
REMEMBERED = timedelta(days=30)


@require_GET
def show_family(request: PersonRequest) -> HttpResponse:
    """Show both lists, invitations that wait for the reader, and the form to invite somebody."""
    return _show(request, InvitationForm())


@require_POST
def invite(request: PersonRequest) -> HttpResponse:
    """Mail an invitation."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=400)
    with _way_back():
        link = invite_student(request.user, name=form.cleaned_data["name"], email=form.cleaned_data["email"])
    messages.success(request, _("An invitation is on its way to %(email)s.") % {"email": link.email})
    return SeeOther(reverse("bookings:family"))


@require_POST
def resend(request: PersonRequest, reference: str) -> HttpResponse:
    """Mail the invitation again."""
    with _way_back():
        link = send_invitation_again(reference, payer=request.user)
    messages.success(request, _("The invitation is on its way to %(email)s again.") % {"email": link.email})
    return SeeOther(reverse("bookings:family"))


@require_POST
def end(request: PersonRequest, reference: str) -> HttpResponse:
    """Withdraw an invitation, or end the leave to book, from either side."""
    mine = StudentLink.objects.visible_to(request.user).select_related("payer")
    link = end_link(get_object_or_404(mine, reference=reference), who=request.user)
    if link.accepted_at is None:
        messages.info(request, _("The invitation is withdrawn."))
    else:
        messages.info(request, _("Nothing more can be booked this way. Sessions that are booked stay booked."))
    return SeeOther(reverse("bookings:family"))


@require_POST
def accept(request: PersonRequest, reference: str) -> HttpResponse:
    """Accept an invitation to the reader's own address, without its mail."""
    with _way_back():
        link = accept_invitation(_sent_to_me(request, reference), person=request.user)
    messages.success(request, _("%(name)s can now book sessions for you.") % {"name": link.payer.get_short_name()})
    return SeeOther(reverse("bookings:family"))


@require_POST
def decline(request: PersonRequest, reference: str) -> HttpResponse:
    """Decline an invitation to the reader's own address, without its mail."""
    with _way_back():
        decline_invitation(_sent_to_me(request, reference), person=request.user)
    messages.info(request, _("You declined the invitation."))
    return SeeOther(reverse("bookings:family"))


@contextmanager
def _way_back() -> Iterator[None]:
    """Put the way back beside a refusal."""
    try:
        yield
    except DomainError as refusal:
        refusal.context |= {"next_steps": [(reverse("bookings:family"), _("Back to your family"))]}
        raise


def _sent_to_me(request: PersonRequest, reference: str) -> StudentLink:
    mine = StudentLink.objects.filter(email=request.user.email).exclude(payer=request.user)
    return get_object_or_404(mine, reference=reference)


def _show(request: PersonRequest, form: InvitationForm, status: int = 200) -> HttpResponse:
    now, me = timezone.now(), request.user
    links = StudentLink.objects.select_related("payer", "student").order_by("-created_at", "pk")
    of_mine = links.filter(payer=me).exclude(ended_at__lt=now - REMEMBERED)
    context: dict[str, Any] = {
        "form": form,
        "students": of_mine,
        "payers": links.standing().filter(student=me),
        "invitations": links.open(now).sent_to(me),
    }
    return render(request, "bookings/family.html", context, status=status)
