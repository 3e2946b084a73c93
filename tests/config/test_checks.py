"""`manage.py check`: nothing to say about the project, and a sentence for each secret a production site lacks."""

import os

import pytest
from django.core.management import call_command

from tests.config.servers import manage

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "ENV_FILE": os.devnull,
    "DEBUG": "0",
    "SECRET_KEY": "only-for-the-check-0123456789-abcdefghijklmnopqrstuvwxyz",
    "SITE_URL": "https://linkpool.example",
    "ADMINS": "admin@linkpool.example",
    "SSL_REDIRECT": "1",
}


@pytest.mark.django_db
def test_project_raises_no_warning_of_djangos():
    call_command("check", fail_level="WARNING", databases=["default"])


def test_production_site_with_its_secrets_passes():
    done = manage("check", "--deploy", **PRODUCTION)

    assert (done.returncode, "ERRORS" in done.stderr) == (0, False)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEY", "", "SECRET_KEY is not set, or shorter than 32 characters."),
        ("SECRET_KEY", "short", "SECRET_KEY is not set, or shorter than 32 characters."),
        ("SITE_URL", "http://linkpool.example", "SITE_URL does not start with https://."),
        ("DEBUG", "1", "DEBUG is on."),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS allows every host."),
    ],
)
def test_production_site_is_refused_with_a_sentence(name, value, sentence):
    done = manage("check", "--deploy", **{**PRODUCTION, name: value})

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
