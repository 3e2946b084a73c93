"""Prove the whole of the books."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from bookings.staff import Letter, mail_staff
from payments.proofs import orders, receipts, refunds, tutors
from payments.proofs.base import Finding, gather_facts

log = logging.getLogger("linkpool.books")
ALL = (*orders.PROOFS, *refunds.PROOFS, *receipts.PROOFS, *tutors.PROOFS)
GRACE = timedelta(minutes=30)  # what a round has not finished in this time it will not finish by itself


def prove_books(*, before: datetime | None = None) -> list[Finding]:
    """Return everything that did not add up by `before` (UTC), by default half an hour ago. Reads only.

    All proofs look at the same moment: what is written meanwhile is not seen in part.
    """
    is_alone = not connection.in_atomic_block
    with transaction.atomic():
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        facts = gather_facts(before=before or timezone.now() - GRACE)
        return [finding for proof in ALL for finding in proof.find(facts)]


def tell_staff_of_books() -> list[Finding]:
    """Prove the books, and mail the staff what does not add up; nothing when all is well."""
    findings = prove_books()
    log.log(logging.ERROR if findings else logging.INFO, "books checked", extra={"count": len(findings)})
    if findings:
        mail_staff(_write)
    return findings


def _write() -> Letter:
    """Write the mail in the language of those who read it: found again in it, for sentences are made as they are said."""
    findings = prove_books()
    subject = ngettext(
        "The books do not add up: %(count)d finding", "The books do not add up: %(count)d findings", len(findings)
    )
    lines = "\n".join(f"- {finding.text}" for finding in findings)
    return (
        f"[{settings.SITE_NAME}] {subject % {'count': len(findings)}}",
        f"{lines}\n\n{settings.SITE_URL}{reverse('admin:index')}\n",
    )
