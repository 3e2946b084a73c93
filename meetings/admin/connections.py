"""Accounts at vendors: whose they are, how they stand, broken ones first. No token is ever shown, nor loaded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.admin.reading import ReadOnlyAdmin, ReadOnlyInline, kept_column
from bookings.models import User
from meetings.accounts import check_account
from meetings.admin.calls import provider_shown
from meetings.connections import ASKED_FOR, mark_broken, revive
from meetings.errors import ConnectionBroken
from meetings.models import ProviderSwitch, SessionSwitch, VendorRoom, VideoConnection
from meetings.set_up import doubts_of_site
from meetings.switching import leave_account, tally_of


def _check(connection: VideoConnection, request: HttpRequest) -> str:
    if connection.broken_at is not None and not revive(connection):
        raise ConnectionBroken(_("Only its owner can mend this: they have to connect it again."))
    check_account(connection)
    return _("It works.")


def _ask_for_it(connection: VideoConnection, request: HttpRequest) -> str:
    mark_broken(connection, why=ASKED_FOR)
    return _("The tutor gets a mail and is asked to connect it again; until then nothing is held with it.")


def _disconnect(connection: VideoConnection, request: HttpRequest) -> str:
    if not _is_connected(connection):
        return _("This account is disconnected already.")
    switch = leave_account(connection, asked_by=request.user if isinstance(request.user, User) else None)
    if switch is None or not tally_of(switch).left:
        return _("Disconnected. Its sessions stay where they are; what we keep of it is erased as soon as none needs it.")
    return _("Disconnected. Its sessions move to the tutor’s next place; what we keep of it is erased after that.")


def _is_connected(connection: VideoConnection) -> bool:
    return connection.disconnected_at is None


def _is_of_tutor(connection: VideoConnection) -> bool:
    return _is_connected(connection) and connection.tutor_id is not None


def _may_be_asked_for(connection: VideoConnection) -> bool:
    return _is_of_tutor(connection) and connection.is_usable


@admin.register(VideoConnection)
class VideoConnectionAdmin(ReadOnlyAdmin[VideoConnection], ButtonsAdmin):
    change_list_template = "admin/meetings/videoconnection/change_list.html"
    list_display = ["__str__", "whose", "state_shown", "why_shown", "standing_rooms", "last_used_at", "last_refreshed_at"]
    list_filter = ["provider", "status"]
    search_fields = ["account", "tutor__user__full_name", "tutor__user__email", "tutor__slug"]
    search_help_text = gettext_lazy("The account, or the tutor’s name or address.")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    *("whose", "provider", "account", "state_shown", "why_shown", "broken_at", "told_at"),
                    *("remark_shown", "refused_shown"),
                ]
            },
        ),
        (gettext_lazy("What it gives"), {"fields": ["can_host", "rights", "standing_rooms", "paused_until"]}),
        (
            gettext_lazy("When"),
            {
                "fields": [
                    *("connected_at", "last_used_at", "last_refreshed_at", "checked_at"),
                    *("expires_at", "grant_ends_at", "disconnected_at"),
                ]
            },
        ),
    ]
    readonly_fields = ["whose", "state_shown", "why_shown", "remark_shown", "refused_shown", "standing_rooms", "rights"]
    why_shown = kept_column("broken_why", gettext_lazy("why it broke"))
    remark_shown = kept_column("remark", gettext_lazy("remark"))
    refused_shown = kept_column("refused_why", gettext_lazy("why it refused"))
    buttons = (
        Button("check", gettext_lazy("Check now"), _check, _is_connected),
        Button(
            "ask", gettext_lazy("Ask for a new connection"), _ask_for_it, lambda row: _is_of_tutor(row) and row.is_usable
        ),
        Button("disconnect", gettext_lazy("Disconnect"), _disconnect, _is_of_tutor, True),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoConnection]:
        rank = Case(
            When(disconnected_at__isnull=False, then=Value(2)),
            When(status=VideoConnection.Status.BROKEN, then=Value(0)),
            default=Value(1),
            output_field=IntegerField(),
        )
        found: QuerySet[VideoConnection] = super().get_queryset(request)
        rooms = Count("rooms", filter=~Q(rooms__state=VendorRoom.State.CLOSED))
        return found.select_related("tutor__user").annotate(rank=rank, number_of_rooms=rooms).order_by("rank", "-pk")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "doubts": doubts_of_site()})

    @admin.display(description=gettext_lazy("whose"), ordering="tutor__user__full_name")
    def whose(self, connection: VideoConnection) -> str:
        return str(connection.tutor) if connection.tutor else _("the site")

    @admin.display(description=gettext_lazy("status"), ordering="rank")
    def state_shown(self, connection: VideoConnection) -> str:
        if connection.disconnected_at is not None:
            return _("disconnected")
        if connection.is_unreadable:
            return _("cannot be read: a key is missing")
        return connection.get_status_display()

    @admin.display(description=gettext_lazy("rooms there"))
    def standing_rooms(self, connection: Any) -> int:
        return int(connection.number_of_rooms)

    @admin.display(description=gettext_lazy("rights"))
    def rights(self, connection: VideoConnection) -> str:
        return ", ".join(sorted(connection.granted)) or "–"


class SessionSwitchInline(ReadOnlyInline):
    model = SessionSwitch
    readonly_fields = ["meeting", "was_provider", "outcome", "why_shown", "attempts", "done_at"]
    fields = ("meeting", "was_provider", "outcome", "why_shown", "attempts", "done_at")
    why_shown = kept_column("why", gettext_lazy("why"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SessionSwitch]:
        rows: QuerySet[SessionSwitch] = super().get_queryset(request)
        return rows.select_related("meeting__booking")


@admin.register(ProviderSwitch)
class ProviderSwitchAdmin(ReadOnlyAdmin[ProviderSwitch]):
    list_display = ["tutor", provider_shown, "asked_at", "asked_by", "moved", "not_moved", "finished_at"]
    list_select_related = ["tutor__user", "asked_by"]
    search_fields = ["tutor__user__full_name", "tutor__user__email", "tutor__slug"]
    inlines = [SessionSwitchInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderSwitch]:
        found: QuerySet[ProviderSwitch] = super().get_queryset(request)
        is_moved = Q(sessions__outcome=SessionSwitch.Outcome.MOVED)
        return found.annotate(
            number_moved=Count("sessions", filter=is_moved), number_left=Count("sessions", filter=~is_moved)
        )

    @admin.display(description=gettext_lazy("sessions moved"))
    def moved(self, switch: Any) -> int:
        return int(switch.number_moved)

    @admin.display(description=gettext_lazy("not moved"))
    def not_moved(self, switch: Any) -> int:
        return int(switch.number_left)
