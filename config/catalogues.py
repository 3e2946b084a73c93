"""The catalogues of words, made without any tool but Python's: `make messages` needs no GNU gettext.

Sentences are read from Python files and templates; translations are kept from the catalogue that is there. What is
written depends on nothing but these two: no dates, no line numbers, always the same order.
Babel is installed for developers only; the site itself reads the compiled `.mo` files that are in the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django import conf
from django.conf import settings
from django.utils.translation.template import templatize

SOURCES = ("bookings", "config", "meetings", "payments", "templates")
# Functions that take a sentence: the places of singular and plural, and of a context (c), among their arguments.
_SPOKEN: dict[str, Any] = {
    "gettext": None,
    "_": None,
    "Kept": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
_COMMENT = "Translators:"


class TimelessCatalog(Catalog):
    """A catalogue whose head says only what programs need, so that it changes with its sentences alone.

    Its rule of plurals is that of Django's own catalogue: the two are read as one.
    """

    def __init__(self, language: str) -> None:
        super().__init__(
            locale=language, header_comment=f"# The words of this site in {language}: see docs/translating.md", fuzzy=False
        )
        with (Path(conf.__path__[0]) / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
            self._of_django = read_po(file)

    @property
    def num_plurals(self) -> int:
        return self._of_django.num_plurals

    @property
    def plural_expr(self) -> str:
        return self._of_django.plural_expr

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def translated_languages() -> list[str]:
    """Return the languages that need a catalogue: all but the one that the sentences are written in."""
    return [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def catalogue_path(language: str) -> Path:
    """Return where the catalogue of a language is kept; the compiled one lies beside it."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


def read_catalogue(language: str) -> Catalog:
    """Return the catalogue as it is kept; an empty one for a new language."""
    path = catalogue_path(language)
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def make_catalogue(language: str) -> Catalog:
    """Return all sentences of the site, with the translations that the language has for them so far."""
    known = read_catalogue(language)
    made = TimelessCatalog(language)
    for message in extract_messages():
        found = known.get(message.id, message.context)
        empty: Any = ("",) * made.num_plurals if message.pluralizable else ""
        same_kind = found is not None and found.pluralizable == message.pluralizable
        string = found.string if found is not None and same_kind else empty
        made.add(
            message.id,
            string,
            locations=message.locations,
            flags=message.flags | (found.flags & {"fuzzy"} if found is not None else set()),
            auto_comments=message.auto_comments,
            user_comments=found.user_comments if found is not None else (),
            context=message.context,
        )
    return made


def extract_messages() -> Iterator[Message]:
    """Read every sentence that a person may see, in the order of the files."""
    found = Catalog()
    for path in _source_files():
        name = path.relative_to(settings.BASE_DIR).as_posix()
        calls: Iterator[Any] = extract_python(_as_python(path), _SPOKEN, [_COMMENT], {})
        for line, function, words, comments in calls:
            identity, context = _identity(function, words)
            if identity:
                found.add(identity, locations=[(name, line)], auto_comments=comments, context=context)
    return (message for message in found if message.id)


def write_catalogue(catalogue: Catalog) -> str:
    """Return the text of a `.po` file."""
    file = BytesIO()
    write_po(file, catalogue, width=0, include_lineno=False, ignore_obsolete=True, omit_header=False)
    return file.getvalue().decode()


def compile_catalogue(catalogue: Catalog) -> bytes:
    """Return the bytes of a `.mo` file; what is fuzzy or empty is left out and read in English."""
    spoken, file = TimelessCatalog(str(catalogue.locale)), BytesIO()
    for message in catalogue:
        if message.id and not is_lacking(message):  # else Babel would write an English singular for every number
            spoken.add(message.id, message.string, context=message.context)
    write_mo(file, spoken)
    return file.getvalue()


def is_lacking(message: Message) -> bool:
    """True for a sentence without a translation that somebody stands by."""
    strings = message.string if isinstance(message.string, list | tuple) else [message.string]
    return bool(message.fuzzy) or not all(strings)


def _source_files() -> list[Path]:
    root = Path(settings.BASE_DIR)
    files = [path for folder in SOURCES for kind in ("*.py", "*.html", "*.txt") for path in (root / folder).rglob(kind)]
    return sorted(path for path in files if "migrations" not in path.parts)


def _as_python(path: Path) -> BytesIO:
    """Return what is said in a file as calls of gettext. A template's indentation would be no Python's."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        text = re.sub(r"^[ \t]+", "", templatize(text, origin=str(path)), flags=re.MULTILINE)
    return BytesIO(text.encode())


def _identity(function: str, words: Any) -> tuple[Any, str | None]:
    """Return the sentence, or its singular and plural, and its context, from the arguments of a call."""
    spec = _SPOKEN[function]
    given = words if isinstance(words, tuple) else (words,)
    if spec is None:
        return given[0], None
    context = next((given[place[0] - 1] for place in spec if isinstance(place, tuple)), None)
    sentences = tuple(given[place - 1] for place in spec if isinstance(place, int) and place <= len(given))
    if not all(sentences):
        return None, None  # a name instead of a sentence: nothing to read here
    return sentences if len(sentences) > 1 else sentences[0], context
