import pytest

from meetings.addresses import LONGEST, normalise_address
from meetings.errors import LinkAddressRefused


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://meet.google.com/abc-defg-hij", "https://meet.google.com/abc-defg-hij"),
        ("  https://meet.google.com/abc-defg-hij\t", "https://meet.google.com/abc-defg-hij"),
        ("meet.google.com/abc-defg-hij", "https://meet.google.com/abc-defg-hij"),
        ("MEET.Google.com/ABC-defg-hij", "https://meet.google.com/abc-defg-hij"),
        ("https://Meet.Google.com/abc-defg-hij/", "https://meet.google.com/abc-defg-hij"),
        ("HTTPS://meet.google.com:443/abc-defg-hij", "https://meet.google.com/abc-defg-hij"),
        ("https://meet.google.com/abc-defg-hij?authuser=1&hs=122#x", "https://meet.google.com/abc-defg-hij"),
        ("https://us02web.zoom.us/j/8212345678?pwd=AbC%2F1#success", "https://us02web.zoom.us/j/8212345678?pwd=AbC%2F1"),
        ("https://meet.jit.si/OurRoom/", "https://meet.jit.si/OurRoom"),
        ("https://video.example.org:8443/räume/a", "https://video.example.org:8443/r%C3%A4ume/a"),
    ],
)
def test_address_is_kept_in_one_spelling(text: str, kept: str):
    assert normalise_address(text) == kept
    assert normalise_address(kept) == kept


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "spaces"),
        ("   ", "spaces"),
        ("http://meet.google.com/abc-defg-hij", "must start with https"),
        ("ftp://meet.google.com/abc-defg-hij", "must start with https"),
        ("javascript:alert(1)", "must start with https"),
        ("//meet.google.com/abc-defg-hij", "must start with https"),
        ("zoom.us/j/123", "must start with https"),
        ("https://meet.google.com/abc defg", "no spaces"),
        ("https://meet.google.com/abc\u00a0defg", "no spaces"),
        ("https://meet.google.com/abc\x00defg", "no spaces"),
        ("https://me:secret@meet.google.com/abc-defg-hij", "user name or password"),
        ("https://meet.google.com@evil.example/abc", "user name or password"),
        ("https:///abc", "does not name a host"),
        ("https://localhost/room", "does not name a host"),
        ("https://127.0.0.1/room", "does not name a host"),
        ("https://[::1]/room", "does not name a host"),
        ("https://[oops/room", "not a web address"),
        ("https://meet.google.com:99999/abc", "not a web address"),
        ("https://meet.googlе.com/abc-defg-hij", "does not name a host"),  # a Cyrillic e
        ("https://meet.google.com", "not a room"),
        ("https://meet.google.com/new", "not a room"),
        ("https://meet.google.com/lookup/abcdefg", "not a room"),
        ("https://meet.example.org/" + "a" * LONGEST, "longer than 500"),
        ("https://meet.example.org/" + "ä" * 200, "longer than 500"),  # too long once it is written out
    ],
)
def test_address_that_is_no_room_is_refused_with_a_sentence(text: str, why: str):
    with pytest.raises(LinkAddressRefused, match=why):
        normalise_address(text)
