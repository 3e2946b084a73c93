"""How dates and times are written in English. Templates name these: `{{ starts_at|date:"FULL_DAY_FORMAT" }}`.

The names are the same in every language; the admin uses Django's own among them. A new language copies this file.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"  # 24 Nov 2026
TIME_FORMAT = "H:i"  # 14:00
EXACT_TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
LONG_DATE_FORMAT = "j F Y"  # 24 November 2026
LONG_DATETIME_FORMAT = "j F Y, H:i"
FULL_DAY_FORMAT = "l j F Y"  # Tuesday 24 November 2026
FULL_DAY_TIME_FORMAT = "l j F Y, H:i"
WEEKDAY_FORMAT = "l j F"  # Tuesday 24 November
WEEKDAY_TIME_FORMAT = "l j F, H:i"
SHORT_WEEKDAY_FORMAT = "D j M"  # Tue 24 Nov
SHORT_WEEKDAY_TIME_FORMAT = "D j M, H:i"
MONTH_DAY_FORMAT = "j F"  # 24 November
SHORT_MONTH_DAY_FORMAT = "j M"  # 24 Nov
SHORT_MONTH_DAY_TIME_FORMAT = "j M, H:i"
YEAR_MONTH_FORMAT = "F Y"  # November 2026
