"""The site in another language: words are longer there, and choosing one takes one press."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bookings.models import SessionType, User
from config.demo import load_demo
from tests.test_languages import addresses_on, kind_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_visitor_chooses_a_language_and_stays_on_the_page(visit, maths: SessionType):
    visitor = visit(width=390).go("/tutors/ada/?type=maths")
    visitor.sees("Open times")

    visitor.press("Bahasa Indonesia")

    visitor.sees("Waktu yang tersedia")
    assert visitor.page.url.endswith("/tutors/ada/?type=maths")
    visitor.go("/")
    visitor.sees("Temukan tutor Anda")
    visitor.press("English")
    visitor.sees("Find your tutor")


def test_countdown_speaks_the_readers_language(visit, maths: SessionType, known_sam: User):
    reader = visit(as_user=known_sam, width=390, language="id-ID").go("/tutors/ada/")
    reader.page.locator("details[open] button.slot").first.click()

    reader.sees("Disimpan untuk Anda")
    reader.page.get_by_text(re.compile(r"^sisa \d+:\d\d$")).first.wait_for()


@pytest.mark.parametrize("reader", ["", "student@example.com", "tutor1@example.com"])
def test_indonesian_words_fit_a_phone_on_every_page(visit, reader):
    load_demo()
    person = User.objects.get(email=reader) if reader else None
    phone = visit(as_user=person, width=390, language="id-ID")
    waiting, seen, kinds, too_wide = ["/"], {"/"}, Counter[str](), []

    while waiting:
        address = waiting.pop(0)
        phone.page.goto(address, wait_until="domcontentloaded")
        if phone.is_too_wide:
            too_wide.append(address)
        for found in addresses_on(phone.page.content()):
            kind = kind_of(found)
            is_page = not found.endswith((".ics", ".csv")) and "/join/" not in found and "/calendar/" not in found
            if is_page and found not in seen and not kinds[kind]:
                seen.add(found)
                kinds[kind] += 1
                waiting.append(found)

    assert too_wide == []
    assert len(seen) > (5 if person is None else 10)
