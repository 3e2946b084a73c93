"""Who reads which language: that of the profile, else of this device's choice, else of the browser, else of the site."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone, translation

from bookings.api_keys import create_api_key
from bookings.languages import speaking_to, speaking_to_staff
from bookings.models import ApiKey, User
from bookings.staff import mail_staff
from tests.factories import make_user, tomorrow

pytestmark = pytest.mark.django_db
INDONESIAN = {"accept-language": "id-ID,id;q=0.9,en;q=0.5"}


def language_of(answer: Any) -> str:
    """Return the language that a page says it is in, everywhere where it says so."""
    said: set[str] = {answer.headers["Content-Language"], answer.content.decode().partition('<html lang="')[2][:2]}
    assert len(said) == 1
    return said.pop()


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("id-ID,id;q=0.9,en;q=0.5", "id"),
        ("in-ID", "id"),
        ("de,en-GB;q=0.8,id;q=0.7", "en"),
        ("de, fr", "en"),
        ("fr;q=0.3, id;q=0", "en"),
        ("*", "en"),
        ("", "en"),
        ("a" * 5000, "en"),
        ("id\x00", "en"),
    ],
)
def test_page_is_in_the_best_language_that_the_browser_asks_for(client, asked, spoken):
    answer = client.get("/", headers={"accept-language": asked})

    assert language_of(answer) == spoken
    assert {"Accept-Language", "Cookie"} <= {word.strip() for word in answer.headers["Vary"].split(",")}


def test_reader_of_no_language_of_ours_gets_that_of_the_site(client, settings):
    settings.DEFAULT_LANGUAGE = "id"

    assert language_of(client.get("/", headers={"accept-language": "fr"})) == "id"
    assert language_of(client.get("/", headers={"accept-language": "fr, en;q=0.1"})) == "en"


def test_choice_of_a_visitor_goes_before_the_browsers(client):
    answer = client.post("/language/", {"language": "id", "next": "/tutors/ada/?from=1"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/tutors/ada/?from=1")
    assert language_of(client.get("/", headers={"accept-language": "en"})) == "id"


def test_choice_of_somebody_logged_in_is_kept_in_the_profile(client, sam):
    client.force_login(sam)
    client.post("/language/", {"language": "id"})

    other_device = Client()
    other_device.force_login(sam)
    assert language_of(other_device.get("/", headers={"accept-language": "en"})) == "id"


def test_profile_goes_before_the_cookie_and_the_browser(client, sam):
    User.objects.filter(pk=sam.pk).update(language="en")
    client.cookies["django_language"] = "id"

    assert language_of(client.get("/", headers=INDONESIAN)) == "id"
    client.force_login(sam)
    assert language_of(client.get("/", headers=INDONESIAN)) == "en"


def test_profile_may_leave_it_to_the_browser_again(client, sam):
    client.force_login(sam)
    client.post("/language/", {"language": "id"})
    client.post("/profile/", {"full_name": "Sam", "time_zone": "Asia/Jakarta", "language": ""})

    sam.refresh_from_db()
    assert sam.language == ""
    assert language_of(client.get("/profile/", headers={"accept-language": "en"})) == "en"


def test_profile_keeps_a_language_and_answers_in_it(client, sam):
    client.force_login(sam)
    client.post("/profile/", {"full_name": "Sam", "time_zone": "Asia/Jakarta", "language": "id"})

    assert language_of(client.get("/profile/", headers={"accept-language": "en"})) == "id"
    client.post("/accounts/logout/")
    assert language_of(client.get("/", headers={"accept-language": "en"})) == "id"


@pytest.mark.parametrize(
    "said", [{}, {"language": ""}, {"language": "tlh"}, {"language": "id\x00"}, {"language": "i" * 9999}]
)
def test_language_that_is_not_spoken_changes_nothing(client, sam, said):
    client.force_login(sam)

    assert client.post("/language/", said).status_code == 400
    sam.refresh_from_db()
    assert (sam.language, "django_language" in client.cookies) == ("", False)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "http:///x"])
def test_choice_leads_to_no_other_site(client, elsewhere):
    assert client.post("/language/", {"language": "id", "next": elsewhere}).headers["Location"] == "/"


def test_new_people_keep_the_language_they_signed_up_in(client, drain):
    form = {"full_name": "Dewi", "email": "dewi@example.com", "password1": "only-secret-words"}
    client.post("/accounts/signup/", form, headers=INDONESIAN)

    assert User.objects.get(email="dewi@example.com").language == "id"


def test_mail_is_written_in_the_readers_language_and_zone(sam):
    dewi = make_user("dewi@example.com", language="id", time_zone="Asia/Makassar")
    with translation.override("en"), speaking_to(dewi):
        assert (translation.get_language(), timezone.get_current_timezone_name()) == ("id", "Asia/Makassar")
    with translation.override("id"), speaking_to(sam):
        assert (translation.get_language(), timezone.get_current_timezone_name()) == ("en", "Asia/Jakarta")


def test_mail_to_staff_is_written_as_the_site_speaks(settings):
    settings.DEFAULT_LANGUAGE = "id"
    with speaking_to_staff():
        assert (translation.get_language(), timezone.get_current_timezone_name()) == ("id", "Asia/Jakarta")


def test_each_of_the_staff_reads_their_own_language(root, settings, drain):
    settings.ADMINS = [("Dewi", "Dewi@example.com"), ("Root", "root@example.com"), ("Nobody", "nobody@example.com")]
    make_user("dewi@example.com", language="id")

    mail_staff(lambda: (str(translation.gettext("Nothing yet.")), "…"))
    drain()

    assert [(letter.to, letter.subject) for letter in mail.outbox] == [
        (["Dewi@example.com"], "Belum ada apa-apa."),
        (["root@example.com", "nobody@example.com"], "Nothing yet."),
    ]


def test_mail_of_an_account_is_in_its_owners_language_whoever_asks(client, drain):
    make_user("dewi@example.com", language="id")
    client.post("/accounts/password/reset/", {"email": "dewi@example.com"}, headers={"accept-language": "en"})
    drain()

    [letter] = mail.outbox
    assert letter.to == ["dewi@example.com"]
    assert letter.subject == "Pilih kata sandi baru"


@pytest.mark.parametrize("path", ["/api/no-such-call", "/api/available-slots", "/webhooks/none", "/health/live"])
def test_programs_are_answered_in_english_whatever_they_ask_for(client, sam, path):
    User.objects.filter(pk=sam.pk).update(language="id")
    plain = client.get(path, headers={"accept-language": "en"})
    client.force_login(sam)
    client.cookies["django_language"] = "id"

    asked = client.get(path, headers=INDONESIAN)

    assert (asked.status_code, asked.content) == (plain.status_code, plain.content)
    assert "Accept-Language" not in asked.headers.get("Vary", "")


def test_contract_of_the_api_stays_english_for_callers_that_read_indonesian(client, maths):
    _row, key = create_api_key("service", scopes=list(ApiKey.Scope.values))
    call = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {key}", **INDONESIAN}}

    missing = client.post("/api/assign-meeting-link", {"bookingId": "BK-NONE"}, **call)
    empty = client.post("/api/assign-meeting-link", {}, **call)
    slots = client.get(
        "/api/available-slots",
        {"tutor": "ada", "session_type": "maths", "from": f"{tomorrow():%Y-%m-%d}", "to": f"{tomorrow():%Y-%m-%d}"},
        headers=call["headers"],
    ).json()

    assert missing.json() == {"success": False, "error": "Booking not found"}
    assert empty.json() == {"success": False, "error": "Missing required field: bookingId"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", "{date} {time}".format(**slots["slots"][0]))
