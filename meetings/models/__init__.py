from meetings.models.absences import NoShowReport
from meetings.models.attendance import Attendance
from meetings.models.links import MeetingLink
from meetings.models.meetings import Meeting

__all__ = ["Attendance", "Meeting", "MeetingLink", "NoShowReport"]
