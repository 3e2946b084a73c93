"""The page behind the address in an invitation's mail: read by whoever has it, answered by the one who was invited."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from bookings.families import accept_invitation, decline_invitation, find_invitation
from bookings.models import StudentLink, User
from bookings.views.answers import SeeOther


@require_GET
@login_not_required
@never_cache
def show_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show who asks for what, and the ways to answer: looking accepts nothing."""
    link = find_invitation(token)
    here = reverse("bookings:invitation", args=[token])
    context = {
        "link": link,
        "token": token,
        "state": link.state.value,
        "reader": _reader(request, link),
        "log_in_url": f"{reverse('account_login')}?{urlencode({'next': here})}",
        "sign_up_url": f"{reverse('account_signup')}?{urlencode({'next': here, 'email': link.email})}",
        "masked_email": _masked(link.email),
    }
    return render(request, "bookings/invitation.html", context)


@require_POST
@login_not_required
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Accept. Whoever is not logged in is asked to, and comes back to the invitation."""
    link = find_invitation(token)
    if not isinstance(request.user, User):
        return redirect_to_login(reverse("bookings:invitation", args=[token]))
    link = accept_invitation(link, person=request.user)
    messages.success(request, _("%(name)s can now book sessions for you.") % {"name": link.payer.get_short_name()})
    return SeeOther(reverse("bookings:family"))


@require_POST
@login_not_required
def decline(request: HttpRequest, token: str) -> HttpResponse:
    """Decline, logged in or not."""
    person = request.user if isinstance(request.user, User) else None
    decline_invitation(find_invitation(token), person=person)
    return SeeOther(reverse("bookings:invitation", args=[token]))


def _reader(request: HttpRequest, link: StudentLink) -> str:
    """Return who is looking: nobody we know, the payer, the invited person or somebody else."""
    if not isinstance(request.user, User):
        return "anonymous"
    if request.user.pk == link.payer_id:
        return "payer"
    return "invited" if request.user.email == link.email else "other"


def _masked(email: str) -> str:
    """Return enough of the address to recognise one's own, not enough to write to somebody else's."""
    name, _at, host = email.partition("@")
    return f"{name[:1]}…@{host}"
