"""How dates and times are written wherever a page does not say it itself, the admin above all: 21 Nov 2026, 19:25."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
