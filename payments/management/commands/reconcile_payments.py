"""Compare the books with what the gateways say, attempt by attempt."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from payments.errors import GatewayError, GatewayRefused
from payments.gateways import listed_gateways
from payments.management.moments import past_moment, shown
from payments.models import Payment
from payments.models.payments import PaymentQuerySet
from payments.reconciliation import Finding, attempts_since, compare, reconcile

SINCE = timedelta(days=30)
BATCH = 100
CALLS_PER_SECOND = 5
SILENCES = 5  # in a row: then a gateway is not asked any more


class Command(BaseCommand):
    help = (
        "Ask the gateways about every attempt since then, print each difference between their word and the books, and "
        "record what they say. Ends with code 1 if differences are left or somebody could not be asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            type=past_moment,
            metavar="DATE_OR_TIME",
            help="Attempts made, paid or refunded since then: 2026-03-01, or 2026-03-01T14:30 (in the site's zone). "
            "Thirty days, unless it is given.",
        )
        parser.add_argument("--gateway", choices=[gateway.name for gateway in listed_gateways()])
        parser.add_argument("--dry-run", action="store_true", help="Compare only: change nothing at all.")
        parser.add_argument("--after", metavar="REFERENCE", help="Go on after this attempt, where a run was stopped.")
        parser.add_argument(
            "--per-second",
            type=float,
            default=CALLS_PER_SECOND,
            help=f"How many attempts to ask about in a second ({CALLS_PER_SECOND}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0.1 <= options["per_second"] <= 100:
            raise CommandError("--per-second must be 0.1 to 100.")
        since = options["since"] or timezone.now() - SINCE
        self.verb = compare if options["dry_run"] else reconcile
        self.pause, self.next_at = 1 / options["per_second"], time.monotonic()
        self.counts: Counter[str] = Counter()
        self.silences: Counter[str] = Counter()
        self.last = options["after"] or ""
        try:
            self._go_through(_chosen(since, options))
        except KeyboardInterrupt:
            self._sum_up(since)
            self.stderr.write(f"Stopped. Go on with: --after {self.last}" if self.last else "Stopped.")
            raise SystemExit(130) from None
        self._sum_up(since)
        if self.counts["left"] or self.counts["silent"]:
            raise CommandError("Differences are left, or not every attempt could be asked about.")

    def _go_through(self, chosen: PaymentQuerySet) -> None:
        last = 0
        while attempts := list(chosen.filter(pk__gt=last).select_related("order").order_by("pk")[:BATCH]):
            for payment in attempts:
                self._look_at(payment)
                self.last = payment.reference
            last = attempts[-1].pk

    def _look_at(self, payment: Payment) -> None:
        if self.silences[payment.gateway] >= SILENCES:
            self.counts["silent"] += 1
            return
        time.sleep(max(0, self.next_at - time.monotonic()))
        self.next_at = time.monotonic() + self.pause
        try:
            finding = self.verb(payment)
        except GatewayError as error:
            self._tell_of_silence(payment, error)
            return
        self.silences[payment.gateway] = 0
        self._tell(payment, finding)

    def _tell(self, payment: Payment, finding: Finding) -> None:
        is_dry = self.verb is compare
        self.counts.update(asked=1, found=len(finding.found), left=len(finding.left))
        for difference in finding.found:
            became = "" if is_dry else " → still so" if difference in finding.left else f" → put right ({finding.status})"
            self.stdout.write(f"{payment.gateway} {difference}{became}")
        for difference in finding.left:
            if difference not in finding.found:
                self.stdout.write(f"{payment.gateway} {difference} → to be looked at")
        if finding.has_changed and not finding.found:
            self.stdout.write(f"{payment.gateway} {payment.reference}: {payment.status} → {finding.status}")

    def _tell_of_silence(self, payment: Payment, error: GatewayError) -> None:
        self.counts["silent"] += 1
        self.stderr.write(f"{payment.gateway} {payment.reference}: could not be asked about. {error.detail}")
        if isinstance(error, GatewayRefused):
            return
        self.silences[payment.gateway] += 1
        if self.silences[payment.gateway] == SILENCES:
            self.stderr.write(f"{payment.gateway} does not answer: it is not asked any more in this run.")

    def _sum_up(self, since: datetime) -> None:
        counts = self.counts
        self.stdout.write(
            f"Since {shown(since)}: {counts['asked']} attempts asked about, {counts['found']} differences found, "
            f"{counts['left']} left, {counts['silent']} attempts could not be asked about."
        )


def _chosen(since: datetime, options: dict[str, Any]) -> PaymentQuerySet:
    chosen = attempts_since(since)
    if options["gateway"]:
        chosen = chosen.filter(gateway=options["gateway"])
    if options["after"]:
        after = Payment.objects.filter(reference=options["after"].strip()).first()
        if after is None:
            raise CommandError(f"There is no attempt “{options['after'][:40]}”.")
        chosen = chosen.filter(pk__gt=after.pk)
    return chosen
