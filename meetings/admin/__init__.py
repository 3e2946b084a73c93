"""What the admin sees of meetings: the pool to keep, and the sessions that wait for a link on top."""

from meetings.admin import absences, alerts, calls, connections, links, meetings, rooms

__all__ = ["absences", "alerts", "calls", "connections", "links", "meetings", "rooms"]
