"""Prove that orders, payments, refunds and earnings add up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from payments.proofs import ALL, prove_books
from payments.proofs.run import GRACE


class Command(BaseCommand):
    help = "Prove that orders, payments, refunds and earnings add up. Prints a line for each fault; exits with 1 if any."

    def add_arguments(self, parser: CommandParser) -> None:
        minutes = int(GRACE.total_seconds()) // 60
        parser.add_argument(
            "--grace",
            type=int,
            default=minutes,
            metavar="MINUTES",
            help=f"Leave out what has changed in these last minutes: it may be half done. Default: {minutes}.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["grace"] <= 60 * 24 * 365:
            raise CommandError("--grace must be a number of minutes from 0 to a year.")
        started = timezone.now()
        findings = prove_books(before=started - timedelta(minutes=options["grace"]))
        for finding in findings:
            self.stdout.write(f"{finding.proof}: {finding.text}")
        seconds = (timezone.now() - started).total_seconds()
        if findings:
            raise CommandError(f"The books do not add up: {len(findings)} findings ({len(ALL)} proofs, {seconds:.1f} s).")
        self.stdout.write(f"The books add up ({len(ALL)} proofs, {seconds:.1f} s).")
