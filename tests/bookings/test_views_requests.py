"""The pages on which students ask and tutors answer: who may, what they read, what one press does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bookings.acceptance import propose_time
from bookings.models import Booking, Notice, PromoCode, SessionType, Tutor, User
from tests.factories import an_hour, make_booking, make_tutor, make_user, tomorrow
from tests.pages import queries_of, slots_on, text_of
from tests.requests_made import OTHER_TIME, STATES, ask, proposed

Status = Booking.Status


@pytest.fixture(autouse=True)
def _ada_approves_first(ada: Tutor) -> None:
    ada.approves_first = True
    ada.save()


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def form(**fields: str) -> dict[str, str]:
    return {"session_type": "maths", "starts_at": tomorrow().isoformat(), **fields}


def test_tutors_page_leads_to_asking_not_to_the_cart(maths: SessionType, sam: User):
    page = browser(sam).get("/tutors/ada/")
    assert 'action="/tutors/ada/request/"' in page.content.decode()
    assert "/tutors/ada/hold/" not in page.content.decode()
    assert "Press one to ask for it." in text_of(page)


def test_page_says_what_happens_next_and_until_when(maths: SessionType, sam: User):
    page = text_of(browser(sam).get("/tutors/ada/request/", form()))
    for words in ("Ask Ada Tutor for this time", "19:00", "Asia/Jakarta", "Nothing is paid now.", "Within 24 hours"):
        assert words in page
    assert not Booking.objects.exists()


def test_whoever_is_not_logged_in_comes_back_to_the_time(client: Client, maths: SessionType):
    answer = client.get("/tutors/ada/request/", form())
    assert answer.status_code == 302
    assert "starts_at%3D" in answer["Location"]


def test_student_asks_with_a_message_and_a_code(maths: SessionType, sam: User):
    PromoCode.objects.create(code="HALF", kind="percent", percent=50)
    answer = browser(sam).post("/tutors/ada/request/", form(message="Fractions.", code="half"))
    booking = Booking.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, booking.get_absolute_url())
    assert (booking.status, booking.message, booking.order.total) == (Status.REQUESTED, "Fractions.", 75_000)


def test_parent_asks_for_a_child(maths: SessionType, sam: User, kim: User, leave_to_book: Callable[..., Any]):
    link = leave_to_book(kim, sam)
    page = browser(kim).get("/tutors/ada/request/", form(**{"for": link.reference}))
    assert f'name="for" value="{link.reference}"' in page.content.decode()
    browser(kim).post("/tutors/ada/request/", form(**{"for": link.reference}))
    booking = Booking.objects.get()
    assert (booking.student, booking.order.payer) == (sam, kim)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"message": "x" * 501}, 400, "at most 500 characters"),
        ({"message": "a\0b"}, 400, "Null characters"),
        ({"code": "NOSUCH"}, 400, "This code is not known here"),
        ({"starts_at": "9999-12-31T00:00:00Z"}, 400, "This is not a time that can be booked"),
        ({"starts_at": "yesterday"}, 400, "This is not a time that can be booked"),
        ({"session_type": "nothing"}, 400, "does not offer that session"),
        ({"for": "nobody"}, 409, "You cannot book for this person"),
    ],
)
def test_request_that_cannot_be_read_changes_nothing(maths: SessionType, sam: User, fields, status, words):
    answer = browser(sam).post("/tutors/ada/request/", form(**fields))
    assert answer.status_code == status
    assert words in text_of(answer)
    assert not Booking.objects.exists()


def test_message_as_long_as_the_field_allows_may_have_several_lines(maths: SessionType, sam: User):
    browser(sam).post("/tutors/ada/request/", form(message="Hello\r\n" + "x" * 494))  # browsers send two for a line's end
    assert Booking.objects.get().message == "Hello\n" + "x" * 494


def test_code_that_does_not_fit_is_said_beside_the_field_and_nothing_typed_is_lost(maths: SessionType, sam: User):
    PromoCode.objects.create(code="BIG", kind="percent", percent=50, minimum_total=10_000_000, currency="IDR")
    answer = browser(sam).post("/tutors/ada/request/", form(message="Fractions.", code="big"))
    assert answer.status_code == 400
    assert "Fractions." in answer.content.decode()
    assert 'value="big"' in answer.content.decode()
    assert not Booking.objects.exists()


def test_taken_time_is_answered_with_other_times(maths: SessionType, sam: User, kim: User):
    ask(maths, kim)
    looked = browser(sam).get("/tutors/ada/request/", form())
    assert "This time is not free any more" in text_of(looked)
    answer = browser(sam).post("/tutors/ada/request/", form())
    assert answer.status_code == 409
    for page in (looked, answer):
        assert len(slots_on(page)) == 6
        assert 'method="get" action="/tutors/ada/request/"' in page.content.decode()


def test_cart_button_of_an_old_page_leads_to_asking(maths: SessionType, sam: User):
    answer = browser(sam).post("/tutors/ada/hold/", form())
    assert (answer.status_code, answer["Location"].split("?")[0]) == (303, "/tutors/ada/request/")
    assert not Booking.objects.exists()


def test_tutor_who_no_longer_approves_first_is_booked_right_away(ada: Tutor, maths: SessionType, sam: User):
    Tutor.objects.update(approves_first=False)
    assert browser(sam).get("/tutors/ada/request/", form())["Location"] == "/tutors/ada/"
    assert browser(sam).post("/tutors/ada/request/", form()).status_code == 409
    assert not Booking.objects.exists()


# What each address does to which state for whom: the status afterwards; all else leaves the booking as it is.
PRESSES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "accept": ("tutor", {}, {"asked": Status.ACCEPTED}),
    "decline": ("tutor", {"why": "I am ill."}, {"asked": Status.DECLINED, "proposed": Status.DECLINED}),
    "propose": ("tutor", {"starts_at": "later"}, {"asked": Status.REQUESTED, "proposed": Status.REQUESTED}),
    "agree": ("student", {}, {"proposed": Status.ACCEPTED}),
    "refuse": ("student", {}, {"proposed": Status.CANCELLED}),
    "withdraw": ("student", {}, dict.fromkeys(["asked", "proposed", "accepted", "agreed"], Status.CANCELLED)),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("press", PRESSES)
@pytest.mark.defect("TB-16", "TB-31")
def test_press_is_for_one_person_and_one_state(ada: Tutor, maths: SessionType, sam: User, kim: User, press: str, state: str):
    booking = STATES[state](maths, sam)
    before = (booking.status, booking.time)
    who, fields, results = PRESSES[press]
    fields = {name: tomorrow(18).isoformat() if value == "later" else value for name, value in fields.items()}
    address = f"/bookings/{booking.reference}/request/{press}/"
    other_tutor = make_tutor().user
    others = [kim, other_tutor, sam if who == "tutor" else ada.user]
    for person in others:
        assert browser(person).post(address, fields).status_code == 404
    booking.refresh_from_db()
    assert (booking.status, booking.time) == before

    answer = browser(ada.user if who == "tutor" else sam).post(address, fields)
    booking.refresh_from_db()
    assert booking.status == results.get(state, before[0])
    assert answer.status_code in ((303,) if state in results else (303, 409))  # 303: it was done already


SEEN = {
    ("asked", "tutor"): ["Sam Student asks for this time", "Accept", "Propose another time", "Decline"],
    ("asked", "student"): ["Waiting for Ada Tutor to answer", "Withdraw the request"],
    ("proposed", "tutor"): ["You proposed this time to Sam Student", "Propose yet another time", "Take it back"],
    ("proposed", "student"): ["Ada Tutor proposes another time", "Rather later?", "Agree to this time", "It does not suit"],
    ("accepted", "tutor"): ["Accepted, and waiting for the payment", "as soon as Sam Student has paid"],
    ("accepted", "student"): ["Accepted: please pay to book it", "Pay Rp150,000", "Withdraw the request"],
    ("declined", "tutor"): ["You declined this request", "I am travelling."],
    ("declined", "student"): ["Ada Tutor cannot take this session", "I am travelling.", "Choose another time"],
    ("unanswered", "student"): ["Not answered in time", "Choose another time"],
    ("unanswered", "tutor"): ["Not answered in time"],
}


@pytest.mark.parametrize(("state", "who"), SEEN)
def test_booking_page_says_how_the_request_stands(ada: Tutor, maths: SessionType, sam: User, state: str, who: str):
    booking = STATES[state](maths, sam)
    page = browser(sam if who == "student" else ada.user).get(booking.get_absolute_url())
    for words in SEEN[state, who]:
        assert words in text_of(page)
    assert ("Cancel this session" in text_of(page)) == ((state, who) == ("accepted", "tutor"))
    buttons = [f"/request/{press}/" for press, (whose, _fields, _results) in PRESSES.items() if whose != who]
    assert [button for button in buttons if button in page.content.decode()] == []


def test_history_tells_the_whole_story(ada: Tutor, maths: SessionType, sam: User):
    booking = proposed(maths, sam)
    browser(sam).post(f"/bookings/{booking.reference}/request/agree/")
    page = text_of(browser(sam).get(booking.get_absolute_url()))
    story = ["The tutor was asked by you", "Another time was proposed:", "by the tutor", "Accepted by you"]
    places = [page.index(words) for words in story]
    assert places == sorted(places)
    assert "Time held" not in page


@pytest.mark.parametrize("why", ["", "  ", "x" * 501])
def test_declining_without_a_reason_is_refused(ada: Tutor, maths: SessionType, sam: User, why: str):
    booking = ask(maths, sam)
    answer = browser(ada.user).post(f"/bookings/{booking.reference}/request/decline/", {"why": why})
    assert (answer.status_code, Booking.objects.get().status) == (400, Status.REQUESTED)


def test_agreeing_leads_the_payer_to_the_order(maths: SessionType, sam: User):
    booking = proposed(maths, sam)
    answer = browser(sam).post(f"/bookings/{booking.reference}/request/agree/")
    assert answer["Location"] == booking.order.get_absolute_url()


@pytest.mark.parametrize("who", ["student", "payer"])
def test_child_and_parent_may_both_answer_and_only_the_parent_pays(
    ada: Tutor, maths: SessionType, sam: User, kim: User, leave_to_book: Callable[..., Any], who: str
):
    leave_to_book(kim, sam)
    booking = propose_time(ask(maths, sam, payer=kim), starts_at=tomorrow(15), who=ada.user)
    reader = browser(sam if who == "student" else kim)
    assert "Agree to this time" in text_of(reader.get(booking.get_absolute_url()))
    answer = reader.post(f"/bookings/{booking.reference}/request/agree/")
    leads_to = booking.order if who == "payer" else booking
    assert answer["Location"] == leads_to.get_absolute_url()
    page = text_of(reader.get(booking.get_absolute_url()))
    assert ("Pay Rp150,000" in page, "as soon as Kim Student has paid" in page) == (who == "payer", who == "student")
    told = set(Notice.objects.filter(fact=Notice.Fact.ACCEPTED).values_list("to__email", flat=True))
    assert told == {"ada@example.com", "kim@example.com" if who == "student" else "sam@example.com"}


def test_page_of_proposals_offers_when_both_are_free(ada: Tutor, maths: SessionType, sam: User):
    booking = ask(maths, sam)
    make_booking(make_user(), ada, during=an_hour(tomorrow(9)), status=Status.PAID)
    make_booking(sam, make_tutor(), during=an_hour(tomorrow(16)), status=Status.PAID)
    offered = slots_on(browser(ada.user).get(f"/bookings/{booking.reference}/request/propose/"))
    hours = {text[11:16] for text in offered if text.startswith(tomorrow().date().isoformat())}
    assert {"09:00", "08:30", "12:00", "16:00", "15:30"}.isdisjoint(hours)
    assert {"12:30", "13:00", "15:00", "17:00"} <= hours


def test_proposal_is_looked_at_before_it_is_sent(ada: Tutor, maths: SessionType, sam: User):
    booking, tutor = ask(maths, sam), browser(ada.user)
    address = f"/bookings/{booking.reference}/request/propose/"
    page = tutor.get(address, {"starts_at": tomorrow(OTHER_TIME).isoformat()})
    assert "Propose this time" in text_of(page)
    assert Booking.objects.get().starts_at == tomorrow()
    for gone in (tomorrow(15, 7), tomorrow(days=300)):
        assert "This time is not open any more" in text_of(tutor.get(address, {"starts_at": gone.isoformat()}))


@pytest.mark.parametrize("day", ["1900-01-01", "9999-12-31", "0001-01-01", "no-day", "x" * 5000])
def test_page_of_proposals_takes_any_day(ada: Tutor, maths: SessionType, sam: User, day: str):
    booking = ask(maths, sam)
    address = f"/bookings/{booking.reference}/request/propose/"
    assert browser(ada.user).get(address, {"from": day, "starts_at": day}).status_code == 200


def test_pages_take_as_many_queries_with_fifty_bookings_as_with_one(ada: Tutor, maths: SessionType, sam: User):
    booking = ask(maths, sam)
    tutor, student = browser(ada.user), browser(sam)
    pages = [
        (tutor, f"/bookings/{booking.reference}/request/propose/"),
        (tutor, booking.get_absolute_url()),
        (student, f"/tutors/ada/request/?session_type=maths&starts_at={tomorrow(15).isoformat().replace('+00:00', 'Z')}"),
    ]
    few = [queries_of(client, path) for client, path in pages]
    for hour in range(50):
        make_booking(make_user(), ada, during=an_hour(tomorrow(0, days=3 + hour // 12).replace(hour=hour % 12 * 2)))
    assert [queries_of(client, path) for client, path in pages] == few
