"""Signing up, confirming, logging in and out, and forgetting a password."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client

from bookings.models import User
from config import settings as production
from tests.conftest import Drain
from tests.pages import text_of
from tests.race import race

pytestmark = pytest.mark.django_db
PASSWORD = "quite-a-secret-7"
LOGIN, SIGNUP, RESET = "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"


def sign_up(client: Client, **fields: str) -> Any:
    asked = {"full_name": "New Person", "email": "new@example.com", "password1": PASSWORD, "time_zone": "Europe/Berlin"}
    return client.post(SIGNUP, {**asked, **fields})


def log_in(client: Client, email: str, password: str = PASSWORD, **fields: str) -> Any:
    return client.post(LOGIN, {"login": email, "password": password, **fields})


def is_logged_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


def link_in(letter: Any) -> str:
    return re.search(r"http://testserver(/\S+)", letter.body)[1]  # type: ignore[index]


@pytest.fixture
def zoe(db: None) -> User:
    """A person who has confirmed her address."""
    zoe = User.objects.create_user("zoe@example.com", PASSWORD, full_name="Zoe")
    EmailAddress.objects.create(user=zoe, email=zoe.email, primary=True, verified=True)
    return zoe


def test_signing_up_asks_to_confirm_the_address_before_anything_else(client: Client):
    answer = sign_up(client)

    assert answer["Location"] == "/accounts/confirm-email/"
    assert "Check your mail" in text_of(client.get(answer["Location"]))
    assert not is_logged_in(client)
    person = User.objects.get(email="new@example.com")
    assert (person.full_name, person.time_zone, person.is_staff) == ("New Person", "Europe/Berlin", False)
    log_in(client, "new@example.com")
    assert not is_logged_in(client)


def test_signing_up_ends_where_the_person_came_from(client: Client):
    sign_up(client, next="/tutors/ada/?type=maths")
    link = link_in(mail.outbox[0])

    assert "Confirm your e-mail address" in text_of(client.get(link))
    assert not is_logged_in(client)  # reading alone confirms nothing: mail scanners follow links too
    answer = client.post(link)

    assert answer["Location"] == "/tutors/ada/?type=maths"
    assert is_logged_in(client)


def test_confirming_on_another_device_works_and_asks_to_log_in(client: Client):
    sign_up(client)
    phone = Client()

    answer = phone.post(link_in(mail.outbox[0]))

    assert answer["Location"].startswith(LOGIN)
    assert log_in(phone, "new@example.com").status_code == 302
    assert is_logged_in(phone)


def test_confirming_with_a_link_that_is_not_ours_says_so(client: Client):
    assert "This link has expired" in text_of(client.get("/accounts/confirm-email/nonsense/"))


@pytest.mark.parametrize("guess", ["", "Mars/Olympus", "../../etc/passwd"])
def test_signing_up_with_a_zone_that_is_none_takes_the_sites(client: Client, guess: str, settings: Any):
    sign_up(client, time_zone=guess)

    assert User.objects.get().time_zone == settings.DEFAULT_TIME_ZONE


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "not an address"}, "Enter a valid email address."),
        ({"password1": "short"}, "This password is too short."),
        ({"password1": "password"}, "This password is too common."),
        ({"full_name": ""}, "This field is required."),
    ],
)
def test_signing_up_wrongly_is_answered_with_a_sentence(client: Client, fields: dict[str, str], sentence: str):
    answer = sign_up(client, **fields)

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert not User.objects.exists()


def test_signing_up_with_a_known_address_looks_the_same_and_makes_nobody(client: Client, zoe: User):
    stranger = Client()
    as_new = sign_up(stranger)
    as_known = sign_up(client, email="ZOE@example.com", full_name="Thief")

    assert (as_known.status_code, as_known["Location"]) == (as_new.status_code, as_new["Location"])
    assert User.objects.filter(email__iexact="zoe@example.com").get().full_name == "Zoe"
    assert mail.outbox[-1].to == ["zoe@example.com"]
    assert "confirm-email" not in mail.outbox[-1].body


@pytest.mark.parametrize("address", ["zoe@example.com", "ZOE@Example.com"])
def test_logging_in_is_by_address_in_any_case_and_leads_home(client: Client, zoe: User, address: str):
    answer = log_in(client, address)

    assert answer["Location"] == "/home/"
    assert is_logged_in(client)


def test_logging_in_leads_back_but_never_to_another_site(client: Client, zoe: User):
    assert log_in(client, zoe.email, next="/cart/")["Location"] == "/cart/"
    for evil in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"):
        client.logout()
        assert log_in(client, zoe.email, next=evil)["Location"] == "/home/"


def test_logging_in_wrongly_does_not_tell_who_is_known(client: Client, zoe: User):
    wrong = text_of(log_in(client, zoe.email, "wrong-password"))
    unknown = text_of(log_in(Client(), "nobody@example.com", "wrong-password"))

    assert "The email address and/or password you specified are not correct." in wrong
    assert wrong.replace(zoe.email, "") == unknown.replace("nobody@example.com", "")


def test_logging_out_takes_a_button_not_a_link(client: Client, zoe: User):
    client.force_login(zoe)
    client.get("/accounts/logout/")
    assert is_logged_in(client)

    assert client.post("/accounts/logout/")["Location"] == "/"
    assert not is_logged_in(client)


def test_forgotten_password_is_set_anew_by_a_link_that_works_once(client: Client, zoe: User):
    client.post(RESET, {"email": zoe.email})
    link = link_in(mail.outbox[0])

    form = client.get(link)["Location"]
    client.post(form, {"password1": "another-secret-8", "password2": "another-secret-8"})

    assert log_in(Client(), zoe.email).status_code == 200  # the old one is refused
    assert log_in(Client(), zoe.email, "another-secret-8").status_code == 302
    again = Client()
    assert "another-secret" not in text_of(again.get(link, follow=True))
    assert log_in(Client(), zoe.email, "another-secret-8").status_code == 302


def test_forgotten_password_of_a_stranger_looks_the_same(client: Client, zoe: User):
    known = client.post(RESET, {"email": zoe.email})
    unknown = Client().post(RESET, {"email": "nobody@example.com"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_account_mail_goes_out_when_the_mail_server_is_back(client: Client, settings: Any, drain: Drain):
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    works, settings.MAIL_BACKEND = settings.MAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there

    page = client.get(sign_up(client)["Location"])
    assert drain() == [("config.send_mail", "todo")]
    assert "Nothing there after a few minutes?" in text_of(page)
    assert mail.outbox == []

    settings.MAIL_BACKEND = works
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    assert drain() == [("config.send_mail", "succeeded")]

    client.post(link_in(mail.outbox[0]))
    assert is_logged_in(client)


@pytest.fixture
def shared_cache(settings: Any, transactional_db: None) -> None:
    """The cache as it is in production: a table that all processes share."""
    settings.CACHES = production.CACHES
    call_command("createcachetable", verbosity=0)
    cache.clear()


GUESS = """
import sys, django
from django.conf import settings
from config import settings as production
settings.CACHES = production.CACHES
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.test import Client
for number in range(5):
    guess = {"login": "zoe@example.com", "password": "guess"}
    assert Client().post("/accounts/login/", guess, REMOTE_ADDR=f"10.0.0.{number}").status_code == 200
"""


def test_guessing_a_password_is_slowed_across_processes(shared_cache: None, zoe: User):
    database = str(connection.settings_dict["NAME"])
    subprocess.run([sys.executable, "-c", GUESS, database], check=True, timeout=60)

    answer = log_in(Client(REMOTE_ADDR="10.0.1.1"), zoe.email)

    assert "Too many failed login attempts. Try again later." in text_of(answer)


def test_trying_many_accounts_from_one_place_is_slowed(shared_cache: None, zoe: User):
    race(lambda number: log_in(Client(), f"person{number}@example.com", "guess"), threads=12)

    answer = log_in(Client(), zoe.email)

    assert answer.status_code in (200, 429)
    assert "Too many" in text_of(answer)
