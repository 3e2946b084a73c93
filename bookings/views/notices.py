"""What a person has been told, newest first. Looking changes nothing: notices are marked as read by pressing."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from bookings.access import PersonRequest
from bookings.forms import NoticeForm, ReadForm
from bookings.letters import write_letter
from bookings.models import Notice
from bookings.notices import mark_all_read, mark_read
from bookings.views.answers import SeeOther

NOTICES_ON_A_PAGE = 20


@require_safe
def list_notices(request: PersonRequest) -> HttpResponse:
    """Show what the reader has been told, each in one sentence."""
    notices = Notice.objects.visible_to(request.user).standing().with_rows()
    page = Paginator(notices, NOTICES_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "told": [(notice, write_letter(notice).sentence) for notice in page],
        "shown_at": timezone.now(),
    }
    return render(request, "bookings/notices/notice_list.html", context)


@require_POST
def open_notice(request: PersonRequest) -> HttpResponse:
    """Mark a notice as read and go to where it leads."""
    form = NoticeForm(request.POST)
    notice = mark_read(request.user, **form.cleaned_data) if form.is_valid() else None
    if notice is None:
        raise Http404
    letter = write_letter(notice)
    link = letter.also or letter.button
    return SeeOther(link.path if link else reverse("bookings:notice_list"))


@require_POST
def read_notices(request: PersonRequest) -> HttpResponse:
    """Mark all as read that was there when the list was shown."""
    mark_all_read(request.user, until=ReadForm.read(request.POST))
    return SeeOther(reverse("bookings:notice_list"))
