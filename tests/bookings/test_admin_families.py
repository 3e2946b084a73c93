"""Who books for whom, as the admin sees it."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings.families import accept_invitation, invite_student
from bookings.models import StudentLink, User
from tests.desk import address, text_of
from tests.factories import make_user
from tests.pages import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(pat: User, kim: User) -> StudentLink:
    """Kim has agreed that Pat books for her."""
    return accept_invitation(invite_student(pat, name="Kim", email=kim.email), person=kim)


def test_admin_reads_who_books_for_whom_and_never_a_key(desk: Client, link: StudentLink):
    listed, row = text_of(desk.get(address(StudentLink))), text_of(desk.get(address(StudentLink, "change", link.pk)))

    assert "kim@example.com" in listed
    assert "accepted" in listed
    assert link.digest not in listed + row
    assert desk.get(address(StudentLink, "add")).status_code == 403


def test_admin_ends_a_leave_when_somebody_asks_for_it(desk: Client, link: StudentLink, pat: User, kim: User):
    answer = desk.post(address(StudentLink, "end", link.pk), follow=True)

    assert "Sessions that are booked stay booked." in text_of(answer)
    assert StudentLink.objects.get().state is StudentLink.State.ENDED
    assert "End it" not in text_of(desk.get(address(StudentLink, "change", link.pk)))
    family = Client()
    family.force_login(pat)
    assert "ended this on" not in text_of(family.get("/family/"))


def test_admins_list_takes_as_many_queries_for_fifty_as_for_one(desk: Client, link: StudentLink):
    with_one = queries_of(desk, address(StudentLink))
    for _number in range(49):
        invite_student(make_user(), name="Somebody", email=make_user().email)

    assert queries_of(desk, address(StudentLink)) == with_one
