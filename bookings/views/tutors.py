"""What anybody may look at: the tutors, and a tutor's open times. And the first step: hold one of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bookings import availability
from bookings.forms import ChosenSlot, SearchForm, SlotForm
from bookings.holds import place_hold
from bookings.models import SessionType, Tutor, User
from bookings.times import local
from bookings.views.answers import SeeOther
from bookings.views.days import by_day, read_fortnight, reader_zone
from bookings.views.for_whom import ForWhom, check_for_whom, read_for_whom
from bookings.views.offering import address_to_ask, as_text, others_offered, where_slots_lead

TUTORS_ON_A_PAGE = 12


@require_GET
@login_not_required
def list_tutors(request: HttpRequest) -> HttpResponse:
    """Show the tutors who can be booked, those who fit the search words."""
    search = SearchForm(request.GET)
    page = Paginator(_tutors_who_sell(search.words()), TUTORS_ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "bookings/tutor_list.html", {"page_obj": page, "cards": _cards(page), "search": search})


@require_GET
@login_not_required
def show_tutor(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a tutor, what they teach, and the open times of a fortnight in the reader's zone."""
    tutor = get_object_or_404(Tutor.objects.listed(), slug=slug)
    offers = list(tutor.session_types.on_sale())
    for_whom = read_for_whom(request)
    context: dict[str, Any] = {"tutor": tutor, "offers": offers, "for_whom": for_whom}
    if offers:
        chosen = next((one for one in offers if one.slug == request.GET.get("type")), offers[0])
        chosen.tutor = tutor
        context |= {"chosen": chosen, **_times(request, chosen, for_whom)}
    return render(request, "bookings/tutor_detail.html", context)


@require_POST
@login_not_required
def hold_slot(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the slot in the reader's cart. Whoever is not logged in is asked to, and comes back to the slot."""
    tutor = get_object_or_404(Tutor.objects.listed(), slug=slug)
    wish = SlotForm(request.POST, tutor=tutor).validated()
    if tutor.approves_first:  # a page that was open since before
        return SeeOther(address_to_ask(wish, for_whom=request.POST.get("for", "")))
    if not isinstance(request.user, User):
        messages.info(request, _("Log in or sign up to keep this time."))
        return redirect_to_login(_address_of(wish))
    for_whom = check_for_whom(request.user, asked=request.POST.get("for", ""))
    with others_offered(wish, for_whom):
        booking = place_hold(wish.session_type, starts_at=wish.starts_at, student=for_whom.student, payer=request.user)
    told = {"until": date_format(timezone.localtime(booking.held_until), "TIME_FORMAT"), "name": for_whom.name}
    if for_whom.link:
        messages.success(request, _("The time is kept for %(name)s until %(until)s. Please pay before then.") % told)
    else:
        messages.success(request, _("The time is yours until %(until)s. Please pay before then.") % told)
    return SeeOther(reverse("bookings:cart"))


def _tutors_who_sell(words: list[str]) -> Any:
    offers = SessionType.objects.on_sale()
    tutors = Tutor.objects.listed().filter(Exists(offers.filter(tutor=OuterRef("pk")))).order_by("user__full_name", "pk")
    for word in words:
        tutors = tutors.filter(
            Q(user__full_name__icontains=word) | Q(subjects__icontains=word) | Q(headline__icontains=word)
        )
    return tutors.prefetch_related(Prefetch("session_types", queryset=offers, to_attr="offers"))


def _cards(page: Page[Any]) -> list[dict[str, Any]]:
    """Return each tutor with the lowest price and the next free time of what costs that."""
    cheapest = {}
    for tutor in page:
        cheapest[tutor.pk] = min(tutor.offers, key=lambda one: (one.price, one.pk))
        cheapest[tutor.pk].tutor = tutor
    first = availability.first_slots(list(cheapest.values()))
    return [
        {"tutor": tutor, "price": cheapest[tutor.pk].money, "next_slot": first.get(cheapest[tutor.pk].pk)} for tutor in page
    ]


def _times(request: HttpRequest, session_type: SessionType, for_whom: ForWhom | None) -> dict[str, Any]:
    """Return what the tutor's page says about times: a fortnight, the way on, and a slot chosen before logging in."""
    zone, student = reader_zone(), for_whom.student if for_whom else None
    wish = _remembered(request, session_type)
    first = local(wish.starts_at, zone).date() if wish else None
    fortnight, trouble = read_fortnight(request.GET.get("from", ""), session_type.tutor, first=first)
    open_now = availability.open_slots(session_type, within=fortnight.during(zone), student=student)
    next_day = None
    if not open_now and (rest := fortnight.rest(zone)):
        later = availability.open_slots(session_type, within=rest, student=student)
        next_day = local(later[0].start, zone).date() if later else None
    return {
        **where_slots_lead(session_type.tutor),
        "days": by_day(open_now, zone),
        "fortnight": fortnight,
        "next_day": next_day,
        "trouble": trouble,
        "wish": wish,
        "wish_is_open": wish is not None and any(slot.start == wish.starts_at for slot in open_now),
    }


def _remembered(request: HttpRequest, session_type: SessionType) -> ChosenSlot | None:
    if "slot" not in request.GET:
        return None
    form = SlotForm({"session_type": session_type.slug, "starts_at": request.GET["slot"]}, tutor=session_type.tutor)
    return ChosenSlot(**form.cleaned_data) if form.is_valid() else None


def _address_of(wish: ChosenSlot) -> str:
    tutor = wish.session_type.tutor
    query = {"type": wish.session_type.slug, "slot": as_text(wish.starts_at)}
    return f"{tutor.get_absolute_url()}?{urlencode(query)}"
