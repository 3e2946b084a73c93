"""Nothing that a person reads is written past the catalogues: not in templates, not in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.template.base import Lexer, TokenType
from django.utils.functional import Promise

from bookings.history import REASONS, SUBJECTS

ROOT = Path(settings.BASE_DIR)
OURS = ("bookings", "meetings", "payments")
# The page of components is for those who build pages.
TEMPLATES = sorted(
    path
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]
    if path.name != "style_guide.html"
)
MODULES = sorted(
    path
    for app in ("bookings", "config", "meetings", "payments")
    for path in (ROOT / app).rglob("*.py")
    if not {"migrations", "management", "doubles"} & set(path.parts)  # doubles speak the vendors' own words
)
# Names that are the same in every language.
COMMANDS = r"manage\.py [a-z_]+( --[a-z-]+)*"
NAMES = re.compile(rf"\b(UTC|PDF|Google Meet|Google|Outlook|Apple|iCal|ICS|Zoom|100ms|Midtrans|Stripe|HTTP|{COMMANDS})\b")
SPOKEN_ATTRIBUTE = re.compile(r"""\b(?:alt|aria-label|placeholder|title|content|data-words|value)=(["'])(.*?)\1""")
UNSPOKEN = re.compile(r"<(script|style|svg|code|pre)\b.*?</\1>|<!doctype[^>]*>|<meta[^>]*>|&\w+;", re.IGNORECASE | re.DOTALL)
NAMES_OF_STYLES = re.compile(r"block \w+_class")
WORD = re.compile(r"[^\W\d_]{2,}")

# Arguments whose text is shown to people.
SPOKEN_ARGUMENTS = {
    "verbose_name",
    "verbose_name_plural",
    "help_text",
    "label",
    "description",
    "empty_label",
    "asks",
    "title",
}
SPOKEN_NAMES = {"message", "verbose_name", "verbose_name_plural", "short_description", "help_text", "label"}
SAYS_FIRST = {"ValidationError"}
SAYS_SECOND = {"success", "info", "warning", "error"}  # of django.contrib.messages


def bare_text(template: str) -> str:
    """Return what a template says by itself: without what its tags and variables say."""
    said, inside = [], ""
    for token in Lexer(template).tokenize():
        if token.token_type == TokenType.BLOCK:
            name = token.contents.split()[0]
            if inside:
                inside = "" if name == f"end{inside}" else inside
            elif name in ("blocktranslate", "blocktrans", "comment") or (
                name == "block" and token.contents.endswith("_class")
            ):
                inside = name
        elif token.token_type == TokenType.TEXT and not inside:
            said.append(token.contents)
        else:
            said.append("⁣")  # keeps an attribute in one piece, and is no word
    return "".join(said)


def words_in(text: str) -> list[str]:
    """Return the words between tags and in the attributes that people see or hear."""
    text = UNSPOKEN.sub(" ", text)
    attributes = " ".join(
        found[2] for found in SPOKEN_ATTRIBUTE.finditer(text) if not found[0].startswith(("value", "content"))
    )
    return WORD.findall(NAMES.sub(" ", re.sub(r"<[^>]*>", " ", text) + " " + attributes))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_template_says_everything_through_the_catalogue(path):
    assert words_in(bare_text(path.read_text(encoding="utf-8"))) == []


def test_finder_sees_words_between_tags_and_in_attributes():
    page = (
        '{% load i18n %}<p title="Hello">{% translate "x" %} <b>big</b> {{ name }}</p>'
        "{% blocktranslate %}not this{% endblocktranslate %}"
        '<svg><path d="M12 ab"/></svg><img alt="{% translate "nor this" %}" src="nor-this">'
        "{# nor this #}{% comment %}nor this{% endcomment %}"
    )

    assert words_in(bare_text(page)) == ["big", "Hello"]


def spoken_literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts for people that are written down as they are, without gettext."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            said = [word.value for word in node.keywords if word.arg in SPOKEN_ARGUMENTS]
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in SAYS_FIRST:
                said += node.args[:1]
            if (
                name in SAYS_SECOND
                and isinstance(node.func, ast.Attribute)
                and getattr(node.func.value, "id", "") == "messages"
            ):
                said += node.args[1:2]
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.expr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            said = [node.value] if any(getattr(one, "id", "") in SPOKEN_NAMES for one in targets) else []
        else:
            continue
        yield from ((line, text) for one in said for line, text in literals(one) if WORD.search(NAMES.sub(" ", text)))


def literals(said: ast.expr) -> Iterator[tuple[int, str]]:
    """Yield the texts that an expression is put together from; what a call returns is its own business."""
    if isinstance(said, ast.Constant) and isinstance(said.value, str):
        yield said.lineno, said.value
    elif isinstance(said, ast.JoinedStr):
        yield from (found for part in said.values for found in literals(part))
    elif isinstance(said, ast.BinOp):
        yield from literals(said.left)
        if isinstance(said.op, ast.Add):
            yield from literals(said.right)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_everything_through_the_catalogue(path):
    assert list(spoken_literals(ast.parse(path.read_text(encoding="utf-8")))) == []


def labels_of(page: Any, model: type[models.Model]) -> Iterator[tuple[str, Any]]:
    """Yield what a page of the admin calls each thing that it shows or asks."""
    shown = [*(page.fields or ()), *flatten_fieldsets(page.fieldsets or ()), *getattr(page, "list_display", ())]
    for name in dict.fromkeys(one for one in shown if isinstance(one, str) and one != "__str__"):
        said = getattr(page, name, None) or getattr(model, name, None)
        if callable(said):
            yield name, getattr(said, "short_description", name)
        elif isinstance(said, property):
            yield name, getattr(said.fget, "short_description", name)
        elif name in {field.name for field in model._meta.get_fields()}:
            yield name, model._meta.get_field(name).verbose_name  # type: ignore[union-attr]


def test_admin_names_everything_in_the_readers_language():
    """A field without a name of its own is shown by the English name of its attribute."""
    wrong = [
        f"{type(page).__name__}.{name}: {label}"
        for model, registered in admin.site._registry.items()
        for page in (registered, *(inline(model, admin.site) for inline in registered.inlines))
        for name, label in labels_of(page, page.model)
        if not isinstance(label, Promise) and page.model._meta.app_label in OURS
    ]
    assert wrong == []


def test_every_choice_is_said_in_the_readers_language():
    ours = [model for app in OURS for model in apps.get_app_config(app).get_models()]
    wrong = [
        f"{model.__name__}.{field.name}: {label}"
        for model in ours
        for field in model._meta.get_fields()
        if isinstance(field, models.Field)
        for _value, label in field.flatchoices
        if not isinstance(label, Promise) and WORD.search(NAMES.sub("", label))
    ]
    assert wrong == []


OTHER_WHATS = {"note_call", "filter"}  # calls to vendors have a "what" of their own


def words_of_history(name: str) -> Iterator[str]:
    """Yield the words that verbs write into lines of history under this name."""
    for path in MODULES:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) not in OTHER_WHATS:
                given = [word.value for word in call.keywords if word.arg == name]
                yield from (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_history_has_a_name_for_everything_that_verbs_write():
    assert {what for what in words_of_history("what") if what} - set(SUBJECTS) == set()
    assert {why for why in words_of_history("why") if why} - set(REASONS) == set()


@pytest.mark.parametrize("path", sorted((ROOT / "bookings" / "static").rglob("*.js")), ids=lambda path: path.name)
def test_script_has_no_words_of_its_own(path):
    """They come with the page, in a data- attribute: a script has no language."""
    code = "\n".join(line.partition("//")[0] for line in path.read_text(encoding="utf-8").splitlines())
    texts = re.findall(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`", code)

    assert [text for text in texts if re.search(r"[A-Z][a-z]+ [a-z]+|[a-z]{2,} [a-z]{2,}[.!?]", text)] == []
