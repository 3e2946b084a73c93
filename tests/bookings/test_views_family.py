"""The family page, and the page behind an invitation's mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from bookings.families import accept_invitation, digest_of, invite_student
from bookings.models import Booking, SessionType, StudentLink, User
from tests.factories import an_hour, make_booking, make_tutor, make_user, tomorrow
from tests.pages import queries_of, slots_on, text_of

pytestmark = pytest.mark.django_db
KEY = "the-mails-key"
PAGE = f"/family/invitations/{KEY}/"


@pytest.fixture
def invitation(pat: User, kim: User) -> StudentLink:
    """Pat's invitation to Kim, whose mail held KEY."""
    link = invite_student(pat, name="Kim", email=kim.email)
    StudentLink.objects.filter(pk=link.pk).update(digest=digest_of(KEY))
    return link


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_parent_invites_from_the_page_and_sees_the_invitation_wait(pat: User, drain):
    browser = browser_of(pat)

    answer = browser.post("/family/invitations/", {"name": "Kim", "email": "kim@example.com"}, follow=True)
    drain()

    assert "An invitation is on its way to kim@example.com." in text_of(answer)
    assert "Waiting for an answer" in text_of(answer)
    assert [message.to for message in mail.outbox] == [["kim@example.com"]]


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("", "kim@example.com"),
        ("Kim", "no address"),
        ("Look at https://evil.example", "kim@example.com"),
        ("K\x00im", "kim@example.com"),
        ("K" * 61, "kim@example.com"),
        ("Kim", "kim@example.com\nBcc: all@example.com"),
    ],
)
def test_invitation_that_cannot_be_read_is_said_beside_the_field(pat: User, name: str, email: str):
    answer = browser_of(pat).post("/family/invitations/", {"name": name, "email": email})

    assert answer.status_code == 400
    assert "Please look at these again" in text_of(answer)
    assert not StudentLink.objects.exists()


def test_refused_invitation_leads_back(pat: User):
    answer = browser_of(pat).post("/family/invitations/", {"name": "Me", "email": "pat@example.com"})

    assert answer.status_code == 409
    assert "This is your own address" in text_of(answer)
    assert 'href="/family/"' in answer.content.decode()


def test_invitation_asks_whoever_is_not_logged_in_to_log_in_or_sign_up(client: Client, invitation: StudentLink):
    answer = client.get(PAGE)

    page = answer.content.decode()
    assert "Pat Parent would like to book sessions for you" in text_of(answer)
    assert "kim@example.com" not in text_of(answer)
    assert f"/accounts/login/?next={PAGE.replace('/', '%2F')}" in page
    assert f"/accounts/signup/?next={PAGE.replace('/', '%2F')}&amp;email=kim%40example.com" in page
    assert 'value="kim@example.com"' in client.get("/accounts/signup/?email=kim%40example.com").content.decode()
    assert client.post(f"{PAGE}accept/")["Location"] == f"/accounts/login/?next={PAGE}"
    assert StudentLink.objects.get().state is StudentLink.State.WAITING


def test_invitation_is_accepted_with_one_press_and_looking_accepts_nothing(kim: User, invitation: StudentLink):
    browser = browser_of(kim)
    browser.get(PAGE)
    assert StudentLink.objects.get().state is StudentLink.State.WAITING

    answer = browser.post(f"{PAGE}accept/", follow=True)

    assert "Pat can now book sessions for you." in text_of(answer)
    assert "Accepted already" in text_of(browser.get(PAGE))
    assert "This invitation has been used" in text_of(Client().get(PAGE))


def test_invitation_is_declined_without_logging_in(client: Client, pat: User, invitation: StudentLink):
    answer = client.post(f"{PAGE}decline/", follow=True)

    assert "This invitation was declined." in text_of(answer)
    assert "Declined" in text_of(browser_of(pat).get("/family/"))
    assert client.post(f"{PAGE}decline/").status_code == 303


def test_invitation_opened_by_somebody_else_is_told_so(sam: User, pat: User, invitation: StudentLink):
    assert "You are logged in as somebody else" in text_of(browser_of(sam).get(PAGE))
    assert "k…@example.com" in text_of(browser_of(pat).get(PAGE))

    refusal = browser_of(sam).post(f"{PAGE}accept/")

    assert refusal.status_code == 409
    assert "sent to another address" in text_of(refusal)
    assert browser_of(sam).post(f"{PAGE}decline/").status_code == 409
    assert StudentLink.objects.get().state is StudentLink.State.WAITING


def test_invitation_with_a_key_that_opens_nothing_is_explained(client: Client):
    answer = client.get("/family/invitations/never-was/")

    assert answer.status_code == 404
    assert "A newer mail may have replaced it" in text_of(answer)


def test_invitation_can_be_accepted_on_the_family_page_without_its_mail(kim: User, invitation: StudentLink):
    browser = browser_of(kim)
    assert "Pat Parent (pat@example.com) would like to book sessions for you" in text_of(browser.get("/family/"))

    browser.post(f"/family/{invitation.reference}/accept/")

    assert StudentLink.objects.get().student == kim


@pytest.mark.parametrize("side", ["pat", "kim"])
def test_either_side_ends_it(pat: User, kim: User, invitation: StudentLink, side: str):
    accept_invitation(invitation, person=kim)
    browser = browser_of({"pat": pat, "kim": kim}[side])

    answer = browser.post(f"/family/{invitation.reference}/end/", follow=True)

    assert "Sessions that are booked stay booked." in text_of(answer)
    assert StudentLink.objects.get().state is StudentLink.State.ENDED
    told = text_of(browser_of(pat).get("/family/"))
    assert ("Kim Student ended this on" in told) is (side == "kim")


def test_family_page_takes_as_many_queries_for_fifty_people_as_for_one(pat: User):
    browser = browser_of(pat)
    _make_links(pat, 1)
    with_one = queries_of(browser, "/family/")
    _make_links(pat, 49)

    assert queries_of(browser, "/family/") == with_one


def _make_links(pat: User, number: int) -> None:
    now = timezone.now()
    for _one in range(number):
        other = make_user()
        common = {"name": "X", "expires_at": now + timedelta(days=1), "accepted_at": now}
        StudentLink.objects.create(payer=pat, student=other, email=other.email, digest=f"{other.pk}a", **common)
        StudentLink.objects.create(payer=other, student=pat, email=pat.email, digest=f"{other.pk}b", **common)
        asks = make_user()
        StudentLink.objects.create(
            payer=asks, name="P", email=pat.email, digest=f"{asks.pk}c", expires_at=now + timedelta(1)
        )


@pytest.fixture
def standing(invitation: StudentLink, kim: User) -> StudentLink:
    """Kim has agreed."""
    return accept_invitation(invitation, person=kim)


def test_tutor_page_asks_for_whom_and_hides_the_times_when_the_student_is_busy(
    pat: User, kim: User, standing: StudentLink, maths: SessionType
):
    make_booking(kim, make_tutor(), during=an_hour(tomorrow(9)), status="paid")
    browser, slot = browser_of(pat), tomorrow(9).isoformat()

    mine, hers = browser.get("/tutors/ada/"), browser.get(f"/tutors/ada/?for={standing.reference}")

    assert "For whom? Me Kim Student" in text_of(mine)
    assert slot in slots_on(mine)
    assert slot not in slots_on(hers)
    assert "Press one to keep it for Kim Student." in text_of(hers)


def test_way_from_the_family_to_a_tutor_remembers_for_whom(pat: User, standing: StudentLink, maths: SessionType):
    browser, asked = browser_of(pat), f"for={standing.reference}"

    assert f'href="/?{asked}"' in browser.get("/family/").content.decode()
    assert f'href="/tutors/ada/?{asked}"' in browser.get(f"/?{asked}").content.decode()


def test_time_is_kept_for_the_student_in_the_payers_cart(pat: User, kim: User, standing: StudentLink, maths: SessionType):
    wish = {"session_type": "maths", "starts_at": tomorrow().isoformat(), "for": standing.reference}

    answer = browser_of(pat).post("/tutors/ada/hold/", wish, follow=True)

    assert "The time is kept for Kim Student until" in text_of(answer)
    hold = Booking.objects.get()
    assert (hold.student, hold.order.payer) == (kim, pat)


@pytest.mark.defect("TB-20")
@pytest.mark.parametrize("typed", ["SL-TYPEDBYHAND", "1", "\x00", "kim@example.com"])
def test_nobody_is_booked_for_by_a_reference_typed_by_hand(
    pat: User, sam: User, standing: StudentLink, maths: SessionType, typed: str
):
    wish = {"session_type": "maths", "starts_at": tomorrow().isoformat()}
    answers = [
        browser_of(pat).post("/tutors/ada/hold/", {**wish, "for": typed}),
        browser_of(sam).post("/tutors/ada/hold/", {**wish, "for": standing.reference}),
    ]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "They have to accept your invitation first" in text_of(answers[0])
    assert not Booking.objects.exists()
    assert "Kim" not in text_of(browser_of(sam).get(f"/tutors/ada/?for={standing.reference}"))


def test_students_clash_offers_other_times_for_the_same_student(
    pat: User, kim: User, standing: StudentLink, maths: SessionType
):
    make_booking(kim, make_tutor(), during=an_hour(tomorrow(9)), status="paid", name="Secret lesson")
    wish = {"session_type": "maths", "starts_at": tomorrow(9).isoformat(), "for": standing.reference}

    refusal = browser_of(pat).post("/tutors/ada/hold/", wish)

    assert refusal.status_code == 409
    assert "Kim Student is busy at that time." in text_of(refusal)
    assert "Secret lesson" not in text_of(refusal)
    assert f'name="for" value="{standing.reference}"' in refusal.content.decode()
    assert tomorrow(9).isoformat() not in slots_on(refusal)


def test_tutor_page_takes_as_many_queries_for_fifty_students_as_for_one(
    pat: User, standing: StudentLink, maths: SessionType
):
    browser = browser_of(pat)
    with_one = queries_of(browser, "/tutors/ada/")
    _make_links(pat, 49)

    assert queries_of(browser, "/tutors/ada/") == with_one
