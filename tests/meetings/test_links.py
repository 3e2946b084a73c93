from datetime import timedelta

import pytest
import time_machine

from bookings.models import Booking, Change, Notice, User
from meetings.errors import LinkKnown, LinkListRefused, LinkRetired, NoLinkLeft
from meetings.links import add_link, add_links, cordon_link, retire_link, uncordon_link
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link
from tests.conftest import Drain
from tests.factories import make_link
from tests.meetings.making import lesson, overlaps_on_one_link, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
Status = MeetingLink.Status


def test_link_is_added_in_its_one_spelling():
    link = add_link("meet.google.com/ABC-defg-hij/", label="Room 1", notes="blue")
    assert (link.url, link.label, link.notes, link.status) == (
        "https://meet.google.com/abc-defg-hij",
        "Room 1",
        "blue",
        Status.AVAILABLE,
    )
    with pytest.raises(LinkKnown):
        add_link("https://meet.google.com/abc-defg-hij?hs=1")


def test_cordoned_link_stays_with_who_has_it_and_goes_to_nobody_else():
    link, meeting = make_link(), waiting_meeting()
    assign_link(meeting)
    cordon_link(link)
    cordon_link(link)
    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.link) == (True, link)
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting(lesson(120)))


def test_link_that_is_used_again_reaches_who_waits(django_capture_on_commit_callbacks, drain: Drain):
    link = make_link(status=Status.CORDONED)
    meeting = waiting_meeting(next_attempt_at=lesson().start)
    with django_capture_on_commit_callbacks(execute=True):
        uncordon_link(link)
    drain()
    meeting.refresh_from_db()
    assert meeting.link == link


def test_retired_link_can_never_be_used_again():
    link = make_link(status=Status.RETIRED)
    for verb in (cordon_link, uncordon_link):
        with pytest.raises(LinkRetired):
            verb(link)
    retire_link(link)


def test_meetings_of_a_retired_link_have_others_at_once(root: User):
    old, new = make_link(label="Old"), make_link(label="New")
    meetings = [waiting_meeting(lesson(start)) for start in (0, 100, 200)]
    for meeting in meetings:
        assign_link(meeting)
    retire_link(old, who=root)
    assert {Meeting.objects.get(pk=meeting.pk).link for meeting in meetings} == {new}
    lines = Change.objects.order_by("id").values_list("booking", "what", "was", "became", "who")
    assert list(lines) == [(one.booking_id, "meeting link", "Old", "New", root.pk) for one in meetings]
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting())


def test_those_who_sit_in_the_session_are_told_of_another_room_each_time(drain: Drain):
    first, second, _third = make_link(), make_link(), make_link()
    booking = waiting_meeting().booking
    assign_link(booking.meeting)

    for link in (first, second):
        retire_link(link)

    told = Notice.objects.filter(fact=Notice.Fact.LINK_CHANGED).order_by("pk").values_list("to", flat=True)
    assert list(told) == [booking.student_id, booking.tutor.user_id] * 2


def test_nobody_is_told_of_a_room_that_is_not_there_yet():
    link = make_link()
    assign_link(waiting_meeting())

    retire_link(link)

    assert not Notice.objects.exists()


def test_link_is_retired_though_a_session_on_it_was_called_off_a_moment_ago():
    old, _new = make_link(label="Old"), make_link(label="New")
    called_off, standing = waiting_meeting(lesson()), waiting_meeting(lesson(200))
    for meeting in (called_off, standing):
        assign_link(meeting)
    Booking.objects.filter(pk=called_off.booking_id).update(status=Booking.Status.CANCELLED)  # its news is on the way

    retire_link(old)

    states = [Meeting.objects.get(pk=meeting.pk).status for meeting in (called_off, standing)]
    assert states == [Meeting.Status.CANCELLED, Meeting.Status.READY]
    old.refresh_from_db()
    assert old.status == Status.RETIRED


def test_meeting_that_finds_no_other_link_waits_and_the_admins_are_told(settings, mailoutbox, drain: Drain):
    settings.ADMINS = [("Root", "root@example.com")]
    link, meeting = make_link(), waiting_meeting()
    assign_link(meeting)
    retire_link(link)
    drain()
    meeting.refresh_from_db()
    assert (meeting.status, meeting.link, meeting.reserved, meeting.ready_at) == (Meeting.Status.WAITING, None, None, None)
    assert meeting.last_error == str(NoLinkLeft.message)
    assert [letter.to for letter in mailoutbox] == [["root@example.com"]]


@pytest.mark.parametrize(("minutes", "stays"), [(-16, False), (-15, True), (-1, True), (30, True), (61, True)])
def test_meeting_whose_door_is_open_stays_on_a_retired_link(minutes: int, stays: bool):
    link, meeting = make_link(), waiting_meeting()
    make_link()
    assign_link(meeting)
    with time_machine.travel(lesson().start + timedelta(minutes=minutes), tick=False):
        retire_link(link)
    meeting.refresh_from_db()
    assert (meeting.link == link) is stays


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", [cordon_link, retire_link])
def test_link_that_goes_while_sixteen_assign_is_given_to_nobody_after(verb):
    links = [make_link() for _ in range(3)]
    meetings = [waiting_meeting(lesson(70 * (number % 5))) for number in range(15)]

    def work(number: int) -> object:
        return verb(links[0]) if number == 15 else assign_link(meetings[number])

    outcomes = race(work, threads=16)

    assert {type(outcome.error) for outcome in outcomes if outcome.error} <= {NoLinkLeft}
    assert overlaps_on_one_link() == []
    if verb is retire_link:
        assert not Meeting.objects.filter(link=links[0], status=Meeting.Status.READY).exists()
    MeetingLink.objects.exclude(pk=links[0].pk).update(status=Status.RETIRED)
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting(lesson(1000)))


def test_list_is_taken_whole_with_blank_lines_and_remarks():
    links = add_links(
        "\ufeff# our rooms\r\nhttps://meet.google.com/aaa-aaaa-aaa\r\n\r\n  # more\r\nmeet.google.com/bbb-bbbb-bbb\r"
    )
    assert [link.url for link in links] == ["https://meet.google.com/aaa-aaaa-aaa", "https://meet.google.com/bbb-bbbb-bbb"]
    assert all(link.pk for link in links)


def test_list_with_faults_is_refused_whole_with_every_line_named():
    make_link(url="https://meet.google.com/aaa-aaaa-aaa")
    text = "\n".join(
        [
            "https://meet.google.com/bbb-bbbb-bbb",
            "http://meet.google.com/ccc-cccc-ccc",
            "",
            "meet.google.com/BBB-bbbb-bbb/",
            "not an address",
            "https://meet.google.com/aaa-aaaa-aaa?hs=5",
        ]
    )
    with pytest.raises(LinkListRefused) as refused:
        add_links(text)
    assert refused.value.faults == [
        "Line 2: The address must start with https://.",
        "Line 4: this is the link of line 1 again.",
        "Line 5: An address has no spaces in it.",
        "Line 6: this link is in the pool already.",
    ]
    assert MeetingLink.objects.count() == 1


def test_long_list_of_faults_is_cut_short():
    with pytest.raises(LinkListRefused) as refused:
        add_links("\n".join(f"wrong {number}" for number in range(80)))
    assert len(refused.value.faults) == 51
    assert refused.value.faults[-1] == "…and 30 more."


@pytest.mark.django_db(transaction=True)
def test_one_list_pasted_by_four_at_once_is_added_once():
    text = "\n".join(f"https://meet.example.org/{number}" for number in range(50))
    outcomes = race(lambda _number: add_links(text), threads=4)
    assert len([outcome for outcome in outcomes if outcome.value]) == 1
    assert {type(outcome.error) for outcome in outcomes if outcome.error} <= {LinkKnown, LinkListRefused}
    assert MeetingLink.objects.count() == 50
