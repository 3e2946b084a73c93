"""What the admin sees of bookings: people and tutors to edit; orders, bookings and history to read."""

from bookings.admin import api_keys, bookings, changes, families, notices, orders, people, promo_codes, session_types, tutors

__all__ = [
    "api_keys",
    "bookings",
    "changes",
    "families",
    "notices",
    "orders",
    "people",
    "promo_codes",
    "session_types",
    "tutors",
]
