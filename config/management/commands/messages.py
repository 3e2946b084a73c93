"""Bring the catalogues of words up to date."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config import catalogues


class Command(BaseCommand):
    help = "Write locale/*/LC_MESSAGES/django.po and .mo from the sentences of the site; say which lack a translation."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for language in catalogues.translated_languages():
            catalogue = catalogues.make_catalogue(language)
            path = catalogues.catalogue_path(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(catalogues.write_catalogue(catalogue), encoding="utf-8")
            path.with_suffix(".mo").write_bytes(catalogues.compile_catalogue(catalogue))
            lacking = [message.id for message in catalogue if message.id and catalogues.is_lacking(message)]
            self.stdout.write(f"{language}: {len(catalogue)} sentences, {len(lacking)} without a translation.")
