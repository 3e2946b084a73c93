"""Every trouble becomes one plain answer: a page for people, JSON for programs, and never a stack trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from bookings.models import User
from tests.config.trouble_urls import SECRET
from tests.english import english_on

pytestmark = [pytest.mark.urls("tests.config.trouble_urls"), pytest.mark.django_db]
PROGRAMS = ["/api/", "/webhooks/"]
REFUSED = {"taken": 409, "away": 503, "missing": 404, "forbidden": 403, "odd": 400, "broken": 500}


@pytest.fixture(params=[False, True], ids=["live", "debug"])
def browser(request: pytest.FixtureRequest, settings: Any) -> Client:
    """A browser that shows answers of trouble instead of raising it; of a live site, and of a demo."""
    settings.DEBUG = request.param
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("place", PROGRAMS)
@pytest.mark.parametrize(("name", "status"), REFUSED.items())
def test_programs_get_json_for_every_trouble(browser, place, name, status):
    answer = browser.get(f"{place}trouble/{name}")

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"success", "error"}
    assert answer.json()["success"] is False
    for leak in (SECRET, "Traceback", "RuntimeError"):
        assert leak not in answer.content.decode()


@pytest.mark.parametrize("place", PROGRAMS)
def test_programs_get_json_where_nothing_is_and_for_a_wrong_method(browser, place):
    missing, wrong = browser.get(f"{place}no/such/thing"), browser.get(f"{place}posts")

    assert (missing.status_code, missing.json()["error"]) == (404, "There is nothing at this address.")
    assert (wrong.status_code, wrong.json()["success"], wrong.headers["Allow"]) == (405, False, "POST")


@pytest.mark.parametrize(("name", "status"), REFUSED.items())
def test_people_get_a_page_of_the_site_for_every_trouble(client, name, status):
    client.raise_request_exception = False

    answer = client.get(f"/trouble/{name}")

    page = answer.content.decode()
    assert answer.status_code == status
    assert "Linkpool" in page
    for leak in (SECRET, "Traceback", "RuntimeError"):
        assert leak not in page


def test_people_read_what_was_refused(browser):
    assert "somebody else has just taken this time" in browser.get("/trouble/taken").content.decode()


@pytest.mark.parametrize("path", ["/no/such/thing", "/trouble/missing"])
def test_what_is_not_there_looks_the_same_in_a_demo(browser, path):
    answer = browser.get(path)

    page = answer.content.decode()
    assert answer.status_code == 404
    assert "There is nothing at this address." in page
    assert "urlpatterns" not in page
    assert SECRET not in page


def test_a_form_without_its_token_is_told_so(settings):
    strict = Client(enforce_csrf_checks=True)

    answer = strict.post("/posts")

    assert answer.status_code == 403
    assert "open for too long" in answer.content.decode()


def test_a_refusal_for_a_while_says_when_to_try_again(browser):
    assert browser.get("/api/trouble/away").headers["Retry-After"] == "60"
    assert browser.get("/trouble/away").headers["Retry-After"] == "60"


def test_answers_of_trouble_keep_the_security_headers(client):
    client.raise_request_exception = False
    for path in ("/api/trouble/broken", "/api/no/such/thing", "/no/such/thing"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'self'" in headers["Content-Security-Policy"]


@pytest.fixture
def gone(sam: User) -> Iterator[Client]:
    """A site whose database has gone away since sam logged in."""
    client = Client(raise_request_exception=False)
    client.force_login(sam)
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(ENGINE="gone", HOST="127.0.0.1", PORT="1", EMBEDDED_DATA="")
    yield client
    connection.close()
    connection.settings_dict.update(before)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        "/trouble/people",  # the view meets it
        "/posts",  # the session meets it: nobody but the log-in asks the database
        "/bookings/",
        "/admin/",
        "/api/trouble/people",
        "/webhooks/trouble/people",
        "/webhooks/midtrans",
        "/no/such/thing",
    ],
)
def test_a_database_that_is_gone_is_a_503_everywhere(gone, settings, path, debug):
    settings.DEBUG = debug
    # The mail about the trouble waits in that database, and must not make a 500 of it: Midtrans tries once again then.
    settings.ADMINS, settings.EMAIL_BACKEND = [("Admin", "admin@example.com")], "config.mail.QueuedBackend"
    for browser in (gone, Client(raise_request_exception=False)):
        answer = browser.post(path, "{}", content_type="application/json")

        if browser is gone or "trouble" in path:
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "60"
            assert "cannot reach its database" in answer.content.decode()
        assert answer.status_code != 500
        assert "Traceback" not in answer.content.decode()
        assert "OperationalError" not in answer.content.decode()


def test_every_answer_carries_the_id_of_its_request(client):
    given = client.get("/", headers={"X-Request-ID": "abcdef-123456"})
    made = client.get("/", headers={"X-Request-ID": "not an id <b>"})

    assert given.headers["X-Request-ID"] == "abcdef-123456"
    assert len(made.headers["X-Request-ID"]) == 32


def test_times_are_in_the_zone_of_the_profile_then_of_the_browser(client, sam):
    client.cookies["tz"] = "Europe/Berlin"
    stranger = client.get("/").content.decode()
    client.cookies["tz"] = "../../etc/passwd"
    odd = client.get("/").content.decode()
    client.force_login(sam)
    sam.time_zone = "America/New_York"
    sam.save()
    known = client.get("/").content.decode()

    assert "Europe/Berlin" in stranger
    assert "Asia/Jakarta" in odd
    assert "America/New_York" in known


@pytest.mark.parametrize(("name", "status"), REFUSED.items())
def test_people_are_told_of_every_trouble_in_their_language(client, name, status):
    client.raise_request_exception = False

    answer = client.get(f"/trouble/{name}", headers={"accept-language": "id"})

    page = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Language"]) == (status, "id")
    assert '<html lang="id">' in page
    assert english_on(page) == []


@pytest.mark.parametrize("place", PROGRAMS)
@pytest.mark.parametrize(("name", "status"), REFUSED.items())
def test_programs_are_told_of_every_trouble_in_english(client, place, name, status):
    client.raise_request_exception = False
    plain = client.get(f"{place}trouble/{name}")

    asked = client.get(f"{place}trouble/{name}", headers={"accept-language": "id"})

    assert (asked.status_code, asked.json()) == (status, plain.json())


@pytest.mark.django_db
def test_whoever_is_logged_out_meanwhile_gets_the_log_in_page_and_not_a_piece_of_it(client):
    """A part of a page is asked for behind the reader's back: the log-in form must not appear inside of it."""
    whole, part = client.get("/profile/"), client.post("/teaching/hours/preview/", headers={"HX-Request": "true"})

    assert (whole.status_code, whole["Location"]) == (302, "/accounts/login/?next=/profile/")
    assert (part.status_code, part["HX-Refresh"], part.content) == (204, "true", b"")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "back"),
    [
        ("http://testserver/cart/?a=b", "/cart/%3Fa%3Db"),  # a button's own address cannot be opened
        ("https://evil.example/cart/", "/home/"),
        ("", "/home/"),
    ],
)
def test_button_pressed_after_logging_out_leads_back_to_its_page(client: Client, before: str, back: str):
    answer = client.post("/cart/BK-AAAAAAAAAA/release/", headers={"referer": before} if before else {})
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={back}")
