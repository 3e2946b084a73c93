from meetings.models.absences import NoShowReport
from meetings.models.attendance import Attendance
from meetings.models.connections import VideoConnection
from meetings.models.links import MeetingLink
from meetings.models.meetings import Meeting
from meetings.models.rooms import ProviderCall, VendorRoom

__all__ = ["Attendance", "Meeting", "MeetingLink", "NoShowReport", "ProviderCall", "VendorRoom", "VideoConnection"]
