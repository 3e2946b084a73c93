"""The catalogues are made from what is written in Python and in templates, the same way on every machine."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo

from config.catalogues import (
    catalogue_path,
    compile_catalogue,
    extract_messages,
    is_lacking,
    make_catalogue,
    write_catalogue,
)

PYTHON = """
from django.utils.translation import gettext as _, ngettext, pgettext, npgettext
# Translators: said after a payment.
print(_("Paid. "
        "Thank you!"), ngettext("%(n)d time", "%(n)d times", 2), pgettext("a day", "May"),
      npgettext("pool", "link", "links", 2))
print(_(name))
"""
TEMPLATE = """{% load i18n %}
    {# Translators: the button of the cart #}
  {% translate "Pay it’s “now”" %}
<p>{% blocktranslate trimmed count n=2 %}
   {{ n }} day of 100%
 {% plural %}
   {{ n }} days of 100%
{% endblocktranslate %} {{ name|default:_("nobody") }} {% translate "May" context "a permission" %}</p>
"""


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> Path:
    """A tiny site of one module and one template."""
    settings.BASE_DIR, settings.LOCALE_PATHS = tmp_path, [tmp_path / "locale"]
    (tmp_path / "bookings").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "bookings" / "words.py").write_text(PYTHON)
    (tmp_path / "templates" / "page.html").write_text(TEMPLATE)
    return tmp_path


def test_sentences_are_found_with_context_plural_and_comment(site):
    found = [(message.context, message.id, message.auto_comments) for message in extract_messages()]

    assert found == [
        (None, "Paid. Thank you!", ["Translators: said after a payment."]),
        (None, ("%(n)d time", "%(n)d times"), []),
        ("a day", "May", []),
        ("pool", ("link", "links"), []),
        (None, "Pay it’s “now”", ["Translators: the button of the cart"]),
        (None, ("%(n)s day of 100%%", "%(n)s days of 100%%"), []),
        (None, "nobody", []),
        ("a permission", "May", []),
    ]


def test_catalogue_keeps_translations_and_says_which_are_lacking(site):
    made = make_catalogue("id")
    assert (made.num_plurals, made.plural_expr) == (1, "0")
    translate(made, "May", "Mei", context="a day")
    translate(made, "nobody", "tak seorang pun", flags=["fuzzy"])
    translate(made, ("%(n)d time", "%(n)d times"), ("%(n)d kali",))
    catalogue_path("id").parent.mkdir(parents=True)
    catalogue_path("id").write_text(write_catalogue(made))

    again = make_catalogue("id")

    assert write_catalogue(again) == write_catalogue(made)
    assert [message.id for message in again if message.id and not is_lacking(message)] == [
        ("%(n)d time", "%(n)d times"),
        "May",
    ]


def test_compiled_catalogue_holds_what_somebody_stands_by(site):
    made = make_catalogue("id")
    translate(made, "May", "Mei", context="a day")
    translate(made, "nobody", "tak seorang pun", flags=["fuzzy"])

    compiled: Catalog = read_mo(BytesIO(compile_catalogue(made)))

    assert [(message.id, message.string) for message in compiled if message.id] == [("May", "Mei")]


def translate(catalogue: Catalog, words: Any, translation: Any, *, context: str | None = None, flags: Any = ()) -> None:
    """Give one sentence its translation."""
    message = catalogue.get(words, context)
    assert message is not None
    message.string, message.flags = translation, message.flags | set(flags)
