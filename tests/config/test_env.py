"""The environment: what is understood, what is refused with a sentence, and what is written about it."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.settings_pages import render_pages
from tests.config.manage import manage


@pytest.fixture(autouse=True)
def _known_stays(monkeypatch):
    monkeypatch.setattr(env, "KNOWN", dict(env.KNOWN))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HOLD_MINUTES", "abc", "HOLD_MINUTES must be a whole number from 1 to 1000000."),
        ("HOLD_MINUTES", "0", "HOLD_MINUTES must be a whole number from 1 to 1000000."),
        ("CANCEL_LATE_REFUND_PERCENT", "101", "CANCEL_LATE_REFUND_PERCENT must be a whole number from 0 to 100."),
        ("DATABASE_URL", "mysql://user:hidden@host/name", "DATABASE_URL must start with postgres://"),
        ("DATABASE_URL", "postgres://user:hidden@host:port/name", "DATABASE_URL must be an address such as postgres://"),
        ("DATABASE_URL", "postgres://user:hidden@host:5432", "DATABASE_URL must name a database"),
        ("SITE_URL", "foo", "SITE_URL must be an address that starts with http:// or https://."),
        ("SITE_URL", "https://[::1", "SITE_URL must be an address that starts with http:// or https://."),
        ("EMAIL_URL", "nonsense", "EMAIL_URL must be a mail address such as smtp+tls://"),
        ("DEFAULT_TIME_ZONE", "Mars", "DEFAULT_TIME_ZONE must be a time zone such as Asia/Jakarta."),
        ("DEFAULT_CURRENCY", "rupiah", "DEFAULT_CURRENCY must be a three-letter code such as IDR."),
        ("DEBUG", "maybe", "DEBUG must be yes or no (1 or 0)."),
    ],
)
def test_a_value_that_cannot_be_understood_stops_the_start_with_one_sentence(name, value, sentence):
    ran = manage("check", **{name: value})

    assert ran.returncode == 1
    assert sentence in ran.stderr
    assert "It means: " in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.stderr
    assert "hidden" not in ran.stderr


def test_a_blank_value_means_the_default(monkeypatch):
    monkeypatch.setenv("SOME_NUMBER", "  ")

    assert env.whole("SOME_NUMBER", 7, "A number.") == 7
    assert not env.is_set("SOME_NUMBER")


@pytest.mark.parametrize(("raw", "value"), [("1", True), ("yes", True), ("True", True), ("0", False), ("off", False)])
def test_a_flag_is_a_yes_or_a_no(monkeypatch, raw, value):
    monkeypatch.setenv("SOME_FLAG", raw)

    assert env.flag("SOME_FLAG", not value, "A flag.") is value


def test_a_list_is_cut_at_commas_and_freed_of_blanks(monkeypatch):
    monkeypatch.setenv("SOME_LIST", " a, b ,,c ")

    assert env.listed("SOME_LIST", [], "A list.") == ["a", "b", "c"]


def test_an_address_loses_its_final_slash(monkeypatch):
    monkeypatch.setenv("SOME_URL", "https://lessons.example.com/")

    assert env.address("SOME_URL", "", "An address.") == "https://lessons.example.com"


def test_a_secret_that_is_refused_is_not_shown(monkeypatch):
    monkeypatch.setenv("SOME_URL", "ftp://user:hidden@host")

    with pytest.raises(ImproperlyConfigured) as refused:
        env.address("SOME_URL", "", "An address.")

    assert "hidden" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_everything_read_is_known_with_its_sentence():
    assert set(env.KNOWN) >= {"SECRET_KEY", "DATABASE_URL", "HOLD_MINUTES", "EMAIL_URL", "MIDTRANS_SERVER_KEY", "PORT"}
    assert [setting.name for setting in env.KNOWN.values() if not setting.sentence.endswith((".", ")"))] == []


@pytest.mark.parametrize("path", render_pages(), ids=lambda path: path.name)
def test_what_is_written_about_the_settings_is_current(path):
    """Run `manage.py describe_settings` when this fails."""
    assert path.read_text(encoding="utf-8") == render_pages()[path]


def test_the_example_file_starts_a_site_with_every_default(tmp_path):
    example = tmp_path / ".env"
    example.write_text((env.BASE_DIR / ".env.example").read_text(encoding="utf-8").replace("\n# DEBUG=no", "\nDEBUG=yes"))

    ran = manage("check", ENV_FILE=str(example))

    assert (ran.returncode, ran.stderr) == (0, "")
