"""A production site starts only with what keeps people and their money safe."""

from __future__ import annotations

import pytest

from tests.config.manage import manage, run_python

READY = {
    "SECRET_KEY": "kF3-9sQx_Zb7LmT0vWc5yHn2RgPd8JaEuXi4OeVt6KqBrCf1UjSw",
    "SITE_URL": "https://lessons.example.com",
    "EMAIL_URL": "smtp+tls://user:words@mail.example.com:587",
    "DEFAULT_FROM_EMAIL": "lessons@example.com",
    "MIDTRANS_SERVER_KEY": "Mid-server-EXAMPLE",
    "MIDTRANS_SNAP_URL": "https://app.midtrans.com/snap/v1",
    "MIDTRANS_API_URL": "https://api.midtrans.com",
    "ADMINS": "owner@example.com",
}
WITH_STRIPE = {
    **{name: value for name, value in READY.items() if not name.startswith("MIDTRANS_")},
    "STRIPE_SECRET_KEY": "sk_live_EXAMPLE0123456789",
    "STRIPE_WEBHOOK_SECRETS": "whsec_EXAMPLE0123456789,whsec_EXAMPLE9876543210",
}
START = ("-c", "import config.wsgi")


@pytest.mark.parametrize("ready", [READY, WITH_STRIPE], ids=["Midtrans", "Stripe"])
def test_a_site_with_all_it_needs_passes_without_a_warning(ready):
    ran = manage("check", "--deploy", "--fail-level", "WARNING", **ready)

    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_site_with_nothing_set_is_told_each_thing_it_lacks():
    ran = manage("check", "--deploy")

    assert ran.returncode == 1
    for identity in ("E002", "E003", "W005", "W006", "W007"):
        assert f"linkpool.{identity}" in ran.stderr
    for name in ("SECRET_KEY", "SITE_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL", "MIDTRANS_SERVER_KEY", "STRIPE_SECRET_KEY"):
        assert name in ran.stderr


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({"SECRET_KEY": ""}, ["SECRET_KEY is not set"]),
        ({"SITE_URL": ""}, ["SITE_URL does not start with https://."]),
        (
            {"SECRET_KEY": "short", "SITE_URL": "http://lessons.example.com", "ALLOWED_HOSTS": "lessons.example.com,*"},
            ["SECRET_KEY is not set", "SITE_URL does not start with https://.", "ALLOWED_HOSTS allows every host."],
        ),
    ],
)
def test_a_web_server_refuses_to_start_unsafely(changes, sentences):
    ran = run_python(*START, **{**READY, **changes})

    assert ran.returncode != 0
    assert all(sentence in ran.stderr for sentence in sentences)
    assert ran.stderr.count("\n- ") == len(sentences)
    assert "words@mail" not in ran.stderr


def test_a_site_that_cannot_do_all_its_work_starts_and_says_so():
    lacking = {**READY, "EMAIL_URL": "", "DEFAULT_FROM_EMAIL": "", "MIDTRANS_SERVER_KEY": ""}

    said = manage("check", "--deploy", **lacking).stderr

    assert run_python(*START, **lacking).returncode == 0
    for sentence in ("EMAIL_URL is not set.", "DEFAULT_FROM_EMAIL is not set.", "No payment gateway has its keys."):
        assert sentence in said


def test_a_site_on_this_machine_alone_may_do_without_https():
    assert run_python(*START, **{**READY, "SITE_URL": "http://localhost:8000"}).returncode == 0


def test_a_web_server_starts_with_what_it_needs_and_as_a_demo_without():
    assert run_python(*START, **READY).returncode == 0
    assert run_python(*START, DEBUG="1").returncode == 0


def test_debug_is_refused_in_production_by_the_checks():
    ran = manage("check", "--deploy", DEBUG="1", **READY)

    assert ran.returncode == 1
    assert "linkpool.E001" in ran.stderr


def test_a_sandbox_in_production_is_warned_of():
    ran = manage("check", "--deploy", "--fail-level", "WARNING", **{**READY, "MIDTRANS_SNAP_URL": ""})

    assert "Midtrans is its sandbox: no real money moves." in ran.stderr
