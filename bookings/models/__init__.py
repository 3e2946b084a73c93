from bookings.models.api_keys import ApiKey
from bookings.models.availability import DateOverride, WeeklyHours
from bookings.models.bookings import Booking
from bookings.models.changes import Change
from bookings.models.families import StudentLink
from bookings.models.notices import Notice
from bookings.models.orders import Order
from bookings.models.people import Tutor, User
from bookings.models.promo_codes import PromoCode
from bookings.models.session_types import SessionType

__all__ = [
    "ApiKey",
    "Booking",
    "Change",
    "DateOverride",
    "Notice",
    "Order",
    "PromoCode",
    "SessionType",
    "StudentLink",
    "Tutor",
    "User",
    "WeeklyHours",
]
