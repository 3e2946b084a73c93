"""What is written about the settings: `.env.example` and the page of the documentation, from the settings themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from config import env
from config.checks import NEEDED_IN_PRODUCTION

ENV_EXAMPLE = env.BASE_DIR / ".env.example"
PAGE = env.BASE_DIR / "docs" / "configuration.md"
INTRODUCTION = """\
# Every setting

Settings come from the environment, or from a file `.env` beside `manage.py`; the environment goes first. A value that cannot
be understood stops the start with one sentence. `manage.py check --deploy` says what a production site still lacks; what is
marked ● below it will not start without. This page is written by `manage.py describe_settings`.
"""


def render_pages() -> dict[Path, str]:
    """Return what each file should say."""
    return {ENV_EXAMPLE: render_env_example(), PAGE: render_page()}


def render_env_example() -> str:
    """Return a file to copy to `.env`: what production needs is left to fill in, the rest shows its default."""
    return "# Copy this file to .env and fill in what production needs (marked ●).\n" + "".join(_example_lines())


def render_page() -> str:
    """Return the page of the documentation, one table for each group."""
    return INTRODUCTION + "".join(_page_lines())


def _groups() -> Iterator[tuple[str, list[env.Setting]]]:
    for title, settings in groupby(env.KNOWN.values(), key=lambda setting: setting.group):
        yield title, list(settings)


def _example_lines() -> Iterator[str]:
    for title, settings in _groups():
        yield f"\n# {title}\n"
        for setting in settings:
            needed = " ●" if setting.name in NEEDED_IN_PRODUCTION else ""
            shown = f" ({setting.default})" if " " in setting.default else ""
            yield f"# {setting.sentence}{shown}{needed}\n"
            yield f"{setting.name}=\n" if needed else f"# {setting.name}={'' if shown else setting.default}\n"


def _page_lines() -> Iterator[str]:
    for title, settings in _groups():
        yield f"\n## {title}\n\n| setting | default | meaning |\n| --- | --- | --- |\n"
        for setting in settings:
            needed = " ●" if setting.name in NEEDED_IN_PRODUCTION else ""
            default = setting.default if " " in setting.default or not setting.default else f"`{setting.default}`"
            yield f"| `{setting.name}`{needed} | {default} | {setting.sentence} |\n"
