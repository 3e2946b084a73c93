"""The site itself as an app: its commands, its admin and its cache table."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.core.management import call_command
from django.db.models.signals import post_migrate


def make_cache_table(**kwargs: Any) -> None:
    """Make the table of the shared cache, which has no model, after each migration."""
    call_command("createcachetable", verbosity=0)


class SiteConfig(AppConfig):
    name = "config"
    default = True

    def ready(self) -> None:
        from config import checks  # noqa: F401

        post_migrate.connect(make_cache_table, sender=self, dispatch_uid="config.make_cache_table")


class LinkpoolAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "config.admin_site.LinkpoolAdminSite"

    def ready(self) -> None:
        super().ready()
        # After every app has registered its own pages: this one replaces one of them.
        from config import job_admin  # noqa: F401
