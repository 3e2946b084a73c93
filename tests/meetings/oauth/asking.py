"""How Google is asked for a consent."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

from meetings.doubles.google import GoogleDouble
from meetings.oauth.base import Tokens
from meetings.oauth.google import GoogleVendor
from tests.meetings.providers.google_vendor import ADA

BACK = "https://school.example.com/teach/connections/google/back"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def vendor(google: GoogleDouble, **options: Any) -> GoogleVendor:
    addresses = google.settings
    usual = {name: addresses[f"GOOGLE_{name.upper()}"] for name in ("client_id", "client_secret", "token_url")}
    more = {name: addresses[f"GOOGLE_{name.upper()}"] for name in ("authorize_url", "calendar_url")}
    return GoogleVendor(**{**usual, **more, **options})


def address(google: GoogleDouble, **changes: str) -> str:
    asked = {"state": "s-1", "challenge": CHALLENGE, "redirect_uri": BACK, "login_hint": ADA}
    return vendor(google).authorize_url(**{**asked, **changes})


def code_of(back: str) -> str:
    return parse_qs(urlsplit(back).query)["code"][0]


def connect(google: GoogleDouble, *without: str, account: str = ADA) -> Tokens:
    code = code_of(google.consent(address(google), account, without))
    return vendor(google).exchange(code, verifier=VERIFIER, redirect_uri=BACK)
