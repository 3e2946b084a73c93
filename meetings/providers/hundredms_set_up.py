"""What the owner has set up for 100ms: keys, and a template with two roles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class SetUp:
    access_key: str
    secret: str = field(repr=False)
    template_id: str
    subdomain: str  # it belongs to the template
    tutor_role: str
    student_role: str

    @property
    def is_whole(self) -> bool:
        """False if anything is missing, or if students would get the tutor's code."""
        every = (self.access_key, self.secret, self.template_id, self.tutor_role, self.student_role)
        return all(every) and len(self.roles) == 2 and bool(_NAME.fullmatch(self.subdomain.lower()))

    @property
    def roles(self) -> frozenset[str]:
        return frozenset({self.tutor_role, self.student_role})

    def address_of(self, code: str) -> str:
        return f"https://{self.subdomain.lower()}.app.100ms.live/meeting/{code}"

    def doubts(self) -> Iterator[str]:
        """Yield what looks wrong, once anything of 100ms is set."""
        needed = {
            "HMS_APP_ACCESS_KEY": self.access_key,
            "HMS_APP_SECRET": self.secret,
            "HMS_TEMPLATE_ID": self.template_id,
            "HMS_SUBDOMAIN": self.subdomain,
        }
        missing = [name for name, value in needed.items() if not value]
        if len(missing) == len(needed):
            return
        if missing:
            yield _("100ms is not offered, for these are not set: %(names)s.") % {"names": ", ".join(missing)}
        if self.subdomain and not _NAME.fullmatch(self.subdomain.lower()):
            yield _("100ms is not offered: HMS_SUBDOMAIN must be the name before .app.100ms.live alone.")
        if len(self.roles) < 2:
            yield _("100ms is not offered: HMS_TUTOR_ROLE and HMS_STUDENT_ROLE must be two roles of the template.")
