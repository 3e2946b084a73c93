"""Write down every setting."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config.settings_pages import render_pages


class Command(BaseCommand):
    help = "Write .env.example and docs/configuration.md from the settings themselves."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for path, text in render_pages().items():
            path.write_text(text, encoding="utf-8")
            self.stdout.write(f"Wrote {path.name}.")
