"""What can be checked of the site's face without a browser: contrast, tokens, and a clean security policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.utils.functional import SimpleLazyObject

from bookings.views.style_guide import show_style_guide
from config.answers import answer_unavailable, server_error

ROOT = Path(settings.BASE_DIR)
STATIC = ROOT / "bookings" / "static" / "bookings"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if not path.is_relative_to(ROOT / "templates" / "mail")]  # mails are read elsewhere
TEXT, EDGE = 4.5, 3.0  # WCAG 2.2 AA: words, and the edges of controls
PAIRS = [
    ("ink", "paper", TEXT),
    ("ink", "surface", TEXT),
    ("ink", "sunken", TEXT),
    ("ink-soft", "paper", TEXT),
    ("ink-soft", "surface", TEXT),
    ("ink-soft", "sunken", TEXT),
    ("accent", "paper", TEXT),
    ("accent", "surface", TEXT),
    ("accent", "sunken", TEXT),
    ("accent-strong", "surface", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("on-accent-soft", "accent-soft", TEXT),
    ("accent", "accent-soft", TEXT),
    ("good", "good-soft", TEXT),
    ("wait", "wait-soft", TEXT),
    ("bad", "bad-soft", TEXT),
    ("ink", "good-soft", TEXT),
    ("ink", "wait-soft", TEXT),
    ("ink", "bad-soft", TEXT),
    ("accent", "good-soft", TEXT),
    ("accent", "wait-soft", TEXT),
    ("accent", "bad-soft", TEXT),
    ("wait", "surface", TEXT),
    ("bad", "surface", TEXT),
    ("on-bad", "bad", TEXT),
    ("line-strong", "surface", EDGE),
    ("line-strong", "paper", EDGE),
    ("focus", "paper", EDGE),
    ("focus", "surface", EDGE),
]
INLINE = {
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a script without an address": re.compile(r"<script(?![^>]*\bsrc=)", re.IGNORECASE),
    "a handler in an attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript address": re.compile(r"javascript:", re.IGNORECASE),
    "something from another host": re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=[\"'](?:https?:)?//", re.IGNORECASE),
}


def schemes() -> dict[str, dict[str, str]]:
    """Return the colours of tokens.css by scheme; dark inherits what it does not change."""
    light, _, dark = (STATIC / "css" / "tokens.css").read_text().partition("prefers-color-scheme: dark")
    named = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{6});")
    return {"light": dict(named.findall(light)), "dark": dict(named.findall(light)) | dict(named.findall(dark))}


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def contrast_rows() -> Iterator[str]:
    """The table that docs/design-system.md shows."""
    colours = schemes()
    for front, back, least in PAIRS:
        figures = [f"{contrast(colours[scheme][front], colours[scheme][back]):.1f}" for scheme in ("light", "dark")]
        yield f"| {front} on {back} | {figures[0]} | {figures[1]} | {least} |"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_colours_used_together_are_told_apart(scheme, front, back, least):
    colours = schemes()[scheme]

    assert contrast(colours[front], colours[back]) >= least


def test_the_design_page_shows_the_contrasts_that_hold():
    page = (ROOT / "docs" / "design-system.md").read_text()

    assert [row for row in contrast_rows() if row not in page] == []


@pytest.mark.parametrize("answer", [answer_unavailable, server_error])
def test_a_page_for_times_of_trouble_asks_no_database(rf, answer):
    request = rf.get("/bookings/")
    request.user = SimpleLazyObject(lambda: pytest.fail("the page asked who is reading"))

    response = answer(request)

    assert response.status_code in (500, 503)
    assert "Nothing was lost" in response.content.decode()
    assert f" · {settings.SITE_NAME}</title>" in response.content.decode()


def test_the_style_page_shows_every_component(rf):
    response = show_style_guide(rf.get("/style/"))

    assert response.status_code == 200
    assert "{" + "#" not in response.content.decode()


@pytest.mark.parametrize("sheet", sorted((STATIC / "css").glob("*.css")), ids=lambda sheet: sheet.name)
def test_a_style_sheet_uses_only_tokens_that_exist(sheet):
    defined = set(re.findall(r"(--[a-z0-9-]+):", (STATIC / "css" / "tokens.css").read_text()))

    assert set(re.findall(r"var\((--[a-z0-9-]+)", sheet.read_text())) - defined == set()


@pytest.mark.parametrize("sheet", sorted((STATIC / "css").glob("*.css")), ids=lambda sheet: sheet.name)
def test_colours_are_written_in_the_tokens_only(sheet):
    own_colours = re.findall(r"#[0-9a-f]{3,8}\b(?=[^{}]*;)|rgb\(", sheet.read_text())

    assert own_colours == [] or sheet.name in {"tokens.css", "print.css"}


@pytest.mark.parametrize("template", PAGES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_breaks_no_security_policy(template):
    written = template.read_text()

    assert [what for what, pattern in INLINE.items() if pattern.search(written)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_can_be_loaded(template):
    assert get_template(str(template.relative_to(ROOT / "templates"))) is not None
