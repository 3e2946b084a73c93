"""The admin of meetings: the pool is kept there, and sessions without a link are helped."""

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.models import Change, User
from meetings.joining import record_attendance
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link
from tests.desk import address, text_of
from tests.factories import make_link, make_user
from tests.meetings.making import lesson, waiting_meeting

pytestmark = pytest.mark.django_db
Status = MeetingLink.Status


def told(answer) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        text_of(client.get(path))
    return len(captured)


def test_pool_shows_each_link_with_its_state_and_use(desk: Client):
    link = make_link(label="Room A", url="https://meet.google.com/aaa-aaaa-aaa")
    make_link(status=Status.CORDONED)
    assign_link(waiting_meeting(lesson(0)))
    assign_link(waiting_meeting(lesson(200)))
    page = text_of(desk.get(address(MeetingLink)))
    for shown in ("Room A", link.url, "available", "cordoned: no new use", lesson().start.strftime("%Y, ")):
        assert shown in page
    row = desk.get(address(MeetingLink)).context["cl"].result_list[0]
    assert (row.number_of_uses, row.next_use_at, row.busy_until) == (2, lesson().start, None)


@pytest.mark.parametrize("model", [MeetingLink, Meeting])
def test_lists_take_as_many_queries_for_forty_rows_as_for_one(desk: Client, model):
    def add(number: int) -> None:
        make_link()
        assign_link(waiting_meeting(lesson(number * 10)))

    add(0)
    queries(desk, address(model))
    for_one = queries(desk, address(model))
    for number in range(1, 40):
        add(number)
    assert queries(desk, address(model)) == for_one


def test_admin_adds_a_link_in_its_one_spelling(desk: Client):
    desk.post(address(MeetingLink, "add"), {"url": "https://MEET.google.com/abc-defg-hij/?hs=1", "label": "Room A"})
    link = MeetingLink.objects.get()
    assert (link.url, link.label, link.status) == ("https://meet.google.com/abc-defg-hij", "Room A", Status.AVAILABLE)
    again = desk.post(address(MeetingLink, "add"), {"url": "https://meet.google.com/abc-defg-hij"})
    assert "already exists" in text_of(again)
    wrong = desk.post(address(MeetingLink, "add"), {"url": "http://meet.google.com/abc-defg-hij"})
    assert "must start with https" in text_of(wrong)


def test_link_that_the_admin_adds_reaches_who_waits(desk: Client, django_capture_on_commit_callbacks, drain):
    meeting = waiting_meeting(next_attempt_at=lesson().start)
    with django_capture_on_commit_callbacks(execute=True):
        desk.post(address(MeetingLink, "add"), {"url": "https://meet.google.com/abc-defg-hij"})
    drain()
    meeting.refresh_from_db()
    assert meeting.is_ready


def test_admin_pastes_many_links(desk: Client):
    text = "# rooms\nmeet.google.com/aaa-aaaa-aaa\n\nmeet.google.com/bbb-bbbb-bbb"
    answer = desk.post(address(MeetingLink, "add_many"), {"links": text}, follow=True)
    assert told(answer) == "2 links added."
    assert MeetingLink.objects.count() == 2


def test_admin_uploads_a_file_under_the_same_checks(desk: Client):
    upload = SimpleUploadedFile("rooms.txt", b"\xef\xbb\xbfmeet.google.com/aaa-aaaa-aaa\r\n")
    assert told(desk.post(address(MeetingLink, "add_many"), {"file": upload}, follow=True)) == "1 link added."
    for content, why in [
        (b"meet.google.com/aaa-aaaa-aaa", "Line 1: this link is in the pool already."),
        (b"\xff\xfe", "This file is not plain text in UTF-8."),
        (b"ftp://x.example/a\nnonsense here", "Line 2: An address has no spaces in it."),
    ]:
        upload = SimpleUploadedFile("rooms.txt", content)
        assert why in text_of(desk.post(address(MeetingLink, "add_many"), {"file": upload}))
    assert "Please paste links, or choose a file." in text_of(desk.post(address(MeetingLink, "add_many"), {}))
    assert MeetingLink.objects.count() == 1


def test_buttons_cordon_bring_back_and_retire(desk: Client):
    link = make_link()
    for button, status in [("cordon", "cordoned"), ("uncordon", "available"), ("retire", "retired")]:
        answer = desk.post(address(MeetingLink, button, link.pk), follow=True)
        link.refresh_from_db()
        assert (answer.status_code, link.status) == (200, status)
    page = text_of(desk.get(address(MeetingLink, "change", link.pk)))
    assert "Cordon" not in page
    answer = desk.post(address(MeetingLink, "uncordon", link.pk), follow=True)
    assert told(answer) == "A retired link is never used again. Please add a new one."


def test_link_reported_as_leaked_is_retired_and_says_since_when(desk: Client):
    link = make_link()
    assert "Strangers may know it" in text_of(desk.get(address(MeetingLink, "change", link.pk)))
    told(desk.post(address(MeetingLink, "leaked", link.pk), follow=True))
    link.refresh_from_db()
    assert (link.status, link.leaked_at is None) == ("retired", False)
    page = text_of(desk.get(address(MeetingLink, "change", link.pk)))
    assert "Strangers may know it" not in page
    assert "Reported as leaked at" in page


def test_staff_who_may_only_look_are_offered_nothing_that_they_may_not_do():
    link = make_link()
    clerk = make_user(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_meetinglink"]))
    browser = Client()
    browser.force_login(clerk)
    for page in (browser.get(address(MeetingLink)), browser.get(address(MeetingLink, "change", link.pk))):
        for verb in ("cordon_links", "retire_links", "/cordon/", "/retire/", "/leaked/"):
            assert verb not in text_of(page)
    answer = browser.post(address(MeetingLink), {"action": "retire_links", "_selected_action": [link.pk]})
    link.refresh_from_db()
    assert (answer.status_code in (200, 302), link.status) == (True, "available")


@pytest.mark.parametrize(
    ("action", "status"), [("cordon_links", "cordoned"), ("uncordon_links", "available"), ("retire_links", "retired")]
)
def test_actions_do_the_same_for_many(desk: Client, action: str, status: str):
    links = [make_link(status=Status.CORDONED if action == "uncordon_links" else Status.AVAILABLE) for _ in range(3)]
    desk.post(address(MeetingLink), {"action": action, "_selected_action": [link.pk for link in links]})
    assert set(MeetingLink.objects.values_list("status", flat=True)) == {status}


def test_address_and_state_of_a_link_cannot_be_edited(desk: Client):
    link = make_link()
    form = {"label": "New", "notes": "n", "url": "https://evil.example/room", "status": "retired"}
    desk.post(address(MeetingLink, "change", link.pk), form)
    old_url = link.url
    link.refresh_from_db()
    assert (link.label, link.notes, link.url, link.status) == ("New", "n", old_url, Status.AVAILABLE)
    assert desk.post(address(MeetingLink, "delete", link.pk)).status_code == 403


@pytest.mark.defect("CE-15")
def test_meetings_without_a_link_stand_on_top_with_the_reason(desk: Client):
    make_link()
    assign_link(waiting_meeting(lesson(0)))
    meeting = waiting_meeting(lesson(-300), last_error="No room that day.")
    answer = desk.get(address(Meeting))
    assert answer.context["cl"].result_list[0] == meeting
    assert "No room that day." in text_of(answer)


def test_admin_has_a_link_assigned_now(desk: Client):
    meeting = waiting_meeting()
    answer = desk.post(address(Meeting, "provision", meeting.pk), follow=True)
    assert told(answer) == "No available meeting links at this time. Please contact support."
    link = make_link()
    answer = desk.post(address(Meeting, "provision", meeting.pk), follow=True)
    meeting.refresh_from_db()
    assert (told(answer), meeting.link) == ("The meeting is ready.", link)


def test_admin_chooses_among_the_links_that_are_free(desk: Client, root: User):
    taken, free = make_link(label="Taken room"), make_link(label="Free room")
    assign_link(waiting_meeting())
    meeting = waiting_meeting()
    page = text_of(desk.get(address(Meeting, "change", meeting.pk)))
    assert "Free room" in page
    assert "Taken room" not in page
    answer = desk.post(address(Meeting, "choose", meeting.pk), {"link": taken.pk}, follow=True)
    assert told(answer) == "This link is not free at that time. Please choose another one."
    answer = desk.post(address(Meeting, "choose", meeting.pk), {"link": free.pk}, follow=True)
    meeting.refresh_from_db()
    assert (told(answer), meeting.link) == ("The session has Free room now.", free)
    line = Change.objects.get(booking=meeting.booking)
    assert (line.what, line.became, line.who) == ("meeting link", "Free room", root)


@pytest.mark.parametrize("wrong", ["", "x", "-1", "9" * 30, "0"])
def test_choice_of_a_link_that_is_not_there_is_not_found(desk: Client, wrong: str):
    assert desk.post(address(Meeting, "choose", waiting_meeting().pk), {"link": wrong}).status_code == 404


def test_meeting_shows_who_came_and_is_read_only(desk: Client, sam: User):
    make_link()
    meeting = waiting_meeting()
    assign_link(meeting)
    record_attendance(meeting, sam, now=lesson().start)
    page = text_of(desk.get(address(Meeting, "change", meeting.pk)))
    assert "Sam Student" in page
    assert "meet.google.com" not in page
    assert desk.post(address(Meeting, "change", meeting.pk), {"status": "failed"}).status_code == 403
    assert desk.get(address(Meeting, "add")).status_code == 403


def test_staff_without_the_permission_sees_no_address_and_presses_no_button():
    link, meeting = make_link(), waiting_meeting()
    reader = make_user(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_meeting"))
    client = Client()
    client.force_login(reader)
    assert client.get(address(MeetingLink)).status_code == 403
    assert "Assign now" not in text_of(client.get(address(Meeting, "change", meeting.pk)))
    for page, key in [("provision", meeting.pk), ("choose", meeting.pk)]:
        assert client.post(address(Meeting, page, key), {"link": link.pk}).status_code == 403
    assert client.post(address(MeetingLink, "add_many"), {"links": "meet.google.com/zzz-zzzz-zzz"}).status_code == 403
    meeting.refresh_from_db()
    assert meeting.is_waiting


@pytest.mark.parametrize("page", ["cordon", "retire"])
def test_buttons_need_a_post_and_an_admin(desk: Client, sam: User, page: str):
    link = make_link()
    assert desk.get(address(MeetingLink, page, link.pk)).status_code == 405
    student = Client()
    student.force_login(sam)
    assert student.post(address(MeetingLink, page, link.pk)).status_code in (302, 403)
    link.refresh_from_db()
    assert link.status == Status.AVAILABLE


def test_link_in_use_now_says_until_when(desk: Client):
    make_link()
    assign_link(waiting_meeting())
    with time_machine.travel(lesson(30).start, tick=False):
        assert "until " in text_of(desk.get(address(MeetingLink)))
