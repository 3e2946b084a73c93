from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from meetings.link_lists import LARGEST
from meetings.models import MeetingLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "links.txt"


def test_file_is_imported(file: Path, capsys):
    file.write_bytes(b"\xef\xbb\xbf# rooms\r\nhttps://meet.google.com/aaa-aaaa-aaa\r\nmeet.google.com/bbb-bbbb-bbb\r\n")
    call_command("import_links", str(file))
    assert capsys.readouterr().out == "2 links added to the pool.\n"
    assert MeetingLink.objects.available().count() == 2


def test_file_with_a_fault_is_not_imported_and_every_fault_is_told(file: Path):
    file.write_text("https://meet.google.com/aaa-aaaa-aaa\nftp://x.example/1\nhttps://meet.google.com/aaa-aaaa-aaa\n")
    with pytest.raises(CommandError) as refused:
        call_command("import_links", str(file))
    assert str(refused.value).splitlines() == [
        "Line 2: The address must start with https://.",
        "Line 3: this is the link of line 1 again.",
        "Nothing was added: please correct the list and try again.",
    ]
    assert not MeetingLink.objects.exists()


def test_file_imported_twice_says_what_is_there_already(file: Path):
    file.write_text("https://meet.google.com/aaa-aaaa-aaa\n")
    call_command("import_links", str(file))
    with pytest.raises(CommandError, match=r"^Line 1: this link is in the pool already\."):
        call_command("import_links", str(file))
    assert MeetingLink.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "There is no link in this list."),
        (b"\n\n# nothing\n", "There is no link in this list."),
        (b"https://meet.google.com/\xff\xfe", "This file is not plain text in UTF-8. Please save it as text and try again."),
        ("https://meet.google.com/aaa".encode("utf-16"), "This file is not plain text in UTF-8."),
        (b"\x00" * 10, "Line 1: An address has no spaces in it."),
        (b"a" * (LARGEST + 1), "This file is larger than 5 MB. Please split it."),
    ],
    ids=["empty", "remarks only", "bad bytes", "UTF-16", "zeros", "huge"],
)
def test_file_that_is_no_list_is_refused_with_one_sentence(file: Path, content: bytes, why: str):
    file.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        call_command("import_links", str(file))
    assert str(refused.value).startswith(why)


def test_file_that_is_not_there_is_refused_with_one_sentence(tmp_path: Path):
    with pytest.raises(CommandError, match=r"^There is no file .*nowhere.txt\.$"):
        call_command("import_links", str(tmp_path / "nowhere.txt"))
    with pytest.raises(CommandError, match=r"is a folder, not a file\.$"):
        call_command("import_links", str(tmp_path))


def test_ten_thousand_links_are_imported(file: Path, django_assert_max_num_queries):
    file.write_text("\n".join(f"https://meet.example.org/{number}" for number in range(10_000)))
    with django_assert_max_num_queries(20):
        call_command("import_links", str(file))
    assert MeetingLink.objects.count() == 10_000
