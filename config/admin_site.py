"""The admin: its front page shows what needs a person."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class LinkpoolAdminSite(AdminSite):
    site_header = _("Admin")
    index_title = _("Today")
