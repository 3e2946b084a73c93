"""Partial answers, as Google's services give them: `fields=nextPageToken,items(id,start/dateTime)`."""

from __future__ import annotations

import re
from typing import Any

from meetings.doubles.google_books import Thing, calendar_no

_WORD = re.compile(r"[A-Za-z]+|[(),/]")
Tree = dict[str, "Tree"]  # a name without anything inside it stands for the whole


def with_fields(thing: Thing, fields: str) -> Thing:
    """Return what of the answer was asked for; all of it where `fields` is empty. Raises Refused for fields unreadable."""
    if not fields:
        return thing
    words = _WORD.findall(fields)
    if "".join(words) != fields:
        raise calendar_no(400, "invalidParameter", f"Invalid field selection {fields}")
    tree = _read_list(words)
    if words:
        raise calendar_no(400, "invalidParameter", f"Invalid field selection {fields}")
    told: Thing = _pick(thing, tree)
    return told


def _read_list(words: list[str]) -> Tree:
    tree: Tree = {}
    while True:
        name, inside = _read_one(words)
        tree[name] = inside
        if not words or words[0] != ",":
            return tree
        words.pop(0)


def _read_one(words: list[str]) -> tuple[str, Tree]:
    if not words or not words[0].isalpha():
        raise calendar_no(400, "invalidParameter", "Invalid field selection")
    name = words.pop(0)
    if words and words[0] == "/":
        words.pop(0)
        below, inside = _read_one(words)
        return name, {below: inside}
    if words and words[0] == "(":
        words.pop(0)
        inside = _read_list(words)
        if not words or words.pop(0) != ")":
            raise calendar_no(400, "invalidParameter", "Invalid field selection")
        return name, inside
    return name, {}


def _pick(thing: Any, tree: Tree) -> Any:
    if not tree:
        return thing
    if isinstance(thing, list):
        return [_pick(one, tree) for one in thing]
    if not isinstance(thing, dict):
        return thing
    return {name: _pick(thing[name], inside) for name, inside in tree.items() if name in thing}
