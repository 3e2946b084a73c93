"""Whoever reads Indonesian finds no sentence of ours in English, on whatever page of the demo they come to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape

import pytest
from django.test import Client
from django.urls import Resolver404, resolve

from bookings.models import User
from config.demo import load_demo
from tests.english import english_on

MOST_OF_A_KIND = 3  # pages of one address and one set of questions
SAME_WORDS = re.compile(r"/admin/.*(\?|/(history|delete)/$)")  # whatever they are about: one of a kind is enough
READERS = ["", "student@example.com", "tutor1@example.com", "admin@example.com"]


def addresses_on(page: str) -> Iterator[str]:
    """Yield where the page's links lead on this site."""
    for address in re.findall(r'\shref="([^"]*)"', page):
        address = unescape(address).partition("#")[0]
        if address.startswith("/") and not address.startswith(("/static/", "//")):
            yield address


def kind_of(address: str) -> str:
    """Return what is the same for pages that differ in what they are about only."""
    path, _, questions = address.partition("?")
    try:
        match = resolve(path)
    except Resolver404:
        return address
    asked = sorted({one.partition("=")[0] for one in questions.split("&")})
    return f"{match.view_name} {asked} {sorted(match.kwargs) if 'admin' in match.namespaces else ''}"


def walk(browser: Client) -> Iterator[tuple[str, str]]:
    """Yield every page that links lead to from the first one, a few of each kind."""
    waiting, seen, kinds = ["/"], {"/"}, Counter[str]()
    while waiting:
        address = waiting.pop(0)
        answer = browser.get(address, follow=True)
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        page = answer.content.decode()
        yield address, page
        for found in addresses_on(page):
            kind = kind_of(found)
            most = 1 if SAME_WORDS.match(found) else MOST_OF_A_KIND
            if found not in seen and kinds[kind] < most:
                seen.add(found)
                kinds[kind] += 1
                waiting.append(found)


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_reader_of_indonesian_finds_no_english_sentence(reader):
    load_demo()
    browser = Client(headers={"accept-language": "id"})
    if reader:
        browser.force_login(User.objects.get(email=reader))

    pages = dict(walk(browser))

    assert {address: wrong for address, page in pages.items() if (wrong := english_on(page))} == {}
    assert len(pages) > (10 if reader else 5)


@pytest.mark.django_db
def test_reader_of_english_finds_english():
    """So that the walk above looks for something that pages say."""
    load_demo()
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(User.objects.get(email="student@example.com"))

    assert all(english_on(page) for _address, page in walk(browser))
