from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.models import Booking, Change, Notice, User
from meetings.alarms import watch
from meetings.errors import LinkKnown, LinkListRefused, LinkRetired, NoLinkLeft
from meetings.links import add_link, add_links, cordon_link, report_leaked, retire_link, uncordon_link
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link, choose_link
from meetings.upkeep import make_round
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


def test_those_who_know_the_address_are_told_of_another_room_each_time(drain: Drain):
    first, second, _third = make_link(), make_link(), make_link()
    booking = waiting_meeting().booking
    assign_link(booking.meeting)

    for link in (first, second):
        Meeting.objects.update(seen_at=timezone.now())
        retire_link(link)

    told = Notice.objects.filter(fact=Notice.Fact.LINK_CHANGED).order_by("pk").values_list("to", flat=True)
    assert list(told) == [booking.student_id, booking.tutor.user_id] * 2


def test_nobody_is_told_whose_address_nobody_knew():
    old, _new = make_link(), make_link()
    assign_link(waiting_meeting())

    retire_link(old)

    assert not Notice.objects.exists()


def test_nobody_is_told_of_a_room_that_is_not_there_yet():
    link = make_link()
    assign_link(waiting_meeting())
    Meeting.objects.update(seen_at=timezone.now())

    retire_link(link)

    assert not Notice.objects.exists()


def test_link_that_strangers_may_know_is_left_at_once_and_for_good(root: User):
    leaked, other = make_link(label="Known"), make_link(label="Other")
    meeting = waiting_meeting()
    assign_link(meeting)
    with time_machine.travel(timezone.now(), tick=False):
        now = timezone.now()
        report_leaked(leaked, who=root)
    report_leaked(leaked, who=root)
    retire_link(leaked, who=root)

    leaked.refresh_from_db()
    assert (leaked.status, leaked.leaked_at) == (Status.RETIRED, now)
    moved = Meeting.objects.get(pk=meeting.pk)
    assert (moved.link, moved.seen_at, moved.generation) == (other, None, meeting.generation + 1)
    [line] = Change.objects.all()
    assert (line.was, line.became, line.why, line.who) == ("Known", "Other", "strangers may know the link", root)


def test_link_retired_long_ago_can_still_be_reported_as_leaked():
    link = make_link(status=Status.RETIRED)
    report_leaked(link)
    link.refresh_from_db()
    assert link.leaked_at is not None


def test_sessions_of_a_retired_link_get_others_though_somebody_else_has_to_move():
    one, two, old = make_link(), make_link(), make_link()
    for link, during in ((one, lesson(0, 60)), (two, lesson(70, 60)), (old, lesson(0, 130))):
        choose_link(waiting_meeting(during), link)

    retire_link(old)

    assert not Meeting.objects.waiting().exists()
    assert overlaps_on_one_link() == []


def test_session_left_behind_on_a_retired_link_is_found_by_the_round_of_every_minute():
    old, new = make_link(), make_link()
    meeting = waiting_meeting()
    assign_link(meeting)
    MeetingLink.objects.filter(pk=old.pk).update(status=Status.RETIRED)  # whoever retired it was cut off here

    make_round(timezone.now())

    assert Meeting.objects.get(pk=meeting.pk).link == new


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
    watch(timezone.now())
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
@pytest.mark.parametrize("verb", [cordon_link, retire_link, report_leaked])
def test_link_that_goes_while_sixteen_assign_is_given_to_nobody_after(verb):
    links = [make_link() for _ in range(3)]
    meetings = [waiting_meeting(lesson(70 * (number % 5))) for number in range(15)]

    def work(number: int) -> object:
        return verb(links[0]) if number == 15 else assign_link(meetings[number])

    outcomes = race(work, threads=16)

    assert {type(outcome.error) for outcome in outcomes if outcome.error} <= {NoLinkLeft}
    assert overlaps_on_one_link() == []
    if verb is not cordon_link:
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
