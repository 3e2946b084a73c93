"""Every sentence is there in every language, says the same thing, and leaves the same places open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import allauth
import django
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import dates, translation

from config.borrowed_words import BORROWED
from config.catalogues import (
    catalogue_path,
    compile_catalogue,
    is_lacking,
    make_catalogue,
    read_catalogue,
    translated_languages,
    write_catalogue,
)

LANGUAGES = translated_languages()
PLACES = re.compile(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}")
TAGS = re.compile(r"</?[a-z][^<>]*>")
ENDINGS = (".", "?", "!", ":", "…")


def sentences(language: str) -> Iterator[tuple[Message, str, str]]:
    """Yield each message with its English words and each of its translations."""
    for message in read_catalogue(language):
        if message.id:
            strings = message.string if isinstance(message.string, list | tuple) else [message.string]
            english = message.id[-1] if isinstance(message.id, list | tuple) else message.id
            yield from ((message, str(english), str(one)) for one in strings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_holds_what_the_code_says_and_nothing_else(language):
    kept = catalogue_path(language).read_text(encoding="utf-8")

    assert write_catalogue(make_catalogue(language)) == kept, "run `make messages`, then translate what is new"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language):
    assert [message.id for message in read_catalogue(language) if message.id and is_lacking(message)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_is_the_one_that_is_kept(language):
    compiled = catalogue_path(language).with_suffix(".mo").read_bytes()

    assert compile_catalogue(read_catalogue(language)) == compiled, "run `make messages`"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("parts", [PLACES, TAGS], ids=["places", "tags"])
def test_translation_keeps_places_and_tags(language, parts):
    wrong = [
        (english, said)
        for _message, english, said in sentences(language)
        if sorted(parts.findall(english)) != sorted(parts.findall(said))
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translation_begins_and_ends_as_the_sentence_does(language):
    wrong = [
        (english, said)
        for _message, english, said in sentences(language)
        if english[:1].isspace() != said[:1].isspace()
        or english[-1:].isspace() != said[-1:].isspace()
        or ((english.endswith(ENDINGS) or said.endswith(ENDINGS)) and english[-1] != said[-1])
    ]
    assert wrong == []


def test_indonesian_speaks_to_people_as_the_glossary_says():
    unkind = re.compile(r"\banda\b|\bkamu\b|\be-mail\b|\blink\b|\bpassword\b|\bklik\b|\bsiswa\b", re.IGNORECASE)
    wrong = [
        said
        for _message, _english, said in sentences("id")
        for found in unkind.findall(TAGS.sub("", PLACES.sub("", said)))
        if found != "Anda"
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_of_ours_renames_a_month_or_a_day(language):
    """Django looks up “May” among our words first: a verb of that spelling needs a context."""
    words = {*dates.MONTHS.values(), *dates.MONTHS_3.values(), *dates.WEEKDAYS_ABBR.values(), *dates.MONTHS_AP.values()}
    with translation.override(settings.LANGUAGE_CODE):
        english = {str(word) for word in words}

    assert {message.id for message in read_catalogue(language) if not message.context} & english == set()


def test_borrowed_sentences_are_still_those_of_the_packages():
    """A sentence that they no longer say would be ours to translate for nothing."""
    packages = [Path(django.__path__[0]), Path(allauth.__path__[0])]
    sources = [path for package in packages for path in package.rglob("locale/id/LC_MESSAGES/django.po")]
    said: set[str] = set()
    for path in sources:
        with path.open("rb") as file:
            said.update(one for message in read_po(file) for one in sentences_of(message))

    assert [one for one in BORROWED if isinstance(one, str) and one not in said] == []


def sentences_of(message: Message) -> list[str]:
    return [str(one) for one in message.id] if isinstance(message.id, list | tuple) else [str(message.id)]
