"""Apply stored messages of the gateways again, now."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.gateways import listed_gateways
from payments.management.moments import past_moment
from payments.models import WebhookEvent
from payments.models.webhooks import WebhookEventQuerySet
from payments.webhooks import apply_event, apply_event_again, describe

State = WebhookEvent.State
STATES = {"failed": (State.FAILED,), "new": (State.NEW,), "waiting": WebhookEvent.UNAPPLIED, "all": State.values}
BATCH = 200


class Command(BaseCommand):
    help = (
        "Apply the gateways' messages that are stored and not applied yet, whenever their next try would be due. "
        "Applying one twice changes nothing. Ends with code 1 if some still fail."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            type=past_moment,
            metavar="DATE_OR_TIME",
            help="Only messages that came since then: 2026-03-01, or 2026-03-01T14:30 (in the site's zone).",
        )
        parser.add_argument("--gateway", choices=[gateway.name for gateway in listed_gateways()])
        parser.add_argument(
            "--state",
            choices=list(STATES),
            default="waiting",
            help="waiting: those that failed and those that are new (as is); all: those that are done as well.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["state"] == "all" and options["since"] is None:
            raise CommandError("--state all needs --since: say from when on everything is to be applied once more.")
        counts: Counter[str] = Counter()
        try:
            self._apply_all(_chosen(options), counts)
        except KeyboardInterrupt:
            self.stderr.write("Stopped. What was applied stays applied; start again to go on.")
            raise SystemExit(130) from None
        finally:
            self.stdout.write(
                f"{counts.total()} messages: {counts['done']} applied, {counts['ignored']} changed nothing, "
                f"{counts['failed']} still fail, {counts['emptied']} too old to be applied again."
            )
        if counts["failed"]:
            raise CommandError("Not every message could be applied. Those that failed stay in line and are tried again.")

    def _apply_all(self, chosen: WebhookEventQuerySet, counts: Counter[str]) -> None:
        last = 0
        while keys := list(chosen.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
            for key in keys:
                counts[self._apply(key)] += 1
            last = keys[-1]

    def _apply(self, key: int) -> str:
        event = WebhookEvent.objects.get(pk=key)
        if event.is_emptied:
            return "emptied"
        try:
            apply_event_again(key) if event.is_settled else apply_event(key)
        except Exception as error:  # whatever it is, the others still have their turn
            self.stderr.write(f"Message {key} ({event}): {describe(error)}")
            return State.FAILED.value
        event.refresh_from_db(fields=["state", "error"])
        if event.state == State.FAILED:
            self.stderr.write(f"Message {key} ({event}): {event.error}")
        return str(event.state)


def _chosen(options: dict[str, Any]) -> WebhookEventQuerySet:
    chosen = WebhookEvent.objects.filter(state__in=STATES[options["state"]])
    if options["since"] is not None:
        chosen = chosen.filter(received_at__gte=options["since"])
    if options["gateway"]:
        chosen = chosen.filter(gateway=options["gateway"])
    return chosen
