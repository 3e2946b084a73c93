from meetings.models.absences import NoShowReport
from meetings.models.attendance import Attendance
from meetings.models.connections import VideoConnection
from meetings.models.links import MeetingLink
from meetings.models.meetings import Meeting
from meetings.models.rooms import ProviderCall, VendorRoom
from meetings.models.switches import ProviderSwitch, SessionSwitch
from meetings.models.watching import Alert, ProviderDay

__all__ = [
    "Alert",
    "Attendance",
    "Meeting",
    "MeetingLink",
    "NoShowReport",
    "ProviderCall",
    "ProviderDay",
    "ProviderSwitch",
    "SessionSwitch",
    "VendorRoom",
    "VideoConnection",
]
