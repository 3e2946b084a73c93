"""How dates, times and numbers are written in Indonesian: Selasa, 24 November 2026, 14.00; Rp150.000.

A comma follows the weekday, and a dot parts hours from minutes (the official spelling, EYD). What browsers send for
dates and times comes first among what may be typed, because fields of browsers show nothing else.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H.i"
EXACT_TIME_FORMAT = "H.i.s"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H.i"
LONG_DATE_FORMAT = "j F Y"
LONG_DATETIME_FORMAT = "j F Y, H.i"
FULL_DAY_FORMAT = "l, j F Y"
FULL_DAY_TIME_FORMAT = "l, j F Y, H.i"
WEEKDAY_FORMAT = "l, j F"
WEEKDAY_TIME_FORMAT = "l, j F, H.i"
SHORT_WEEKDAY_FORMAT = "D, j M"
SHORT_WEEKDAY_TIME_FORMAT = "D, j M, H.i"
MONTH_DAY_FORMAT = "j F"
SHORT_MONTH_DAY_FORMAT = "j M"
SHORT_MONTH_DAY_TIME_FORMAT = "j M, H.i"
YEAR_MONTH_FORMAT = "F Y"
FIRST_DAY_OF_WEEK = 1

DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "."
NUMBER_GROUPING = 3

DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y"]
TIME_INPUT_FORMATS = ["%H:%M", "%H.%M", "%H:%M:%S", "%H.%M.%S"]
DATETIME_INPUT_FORMATS = [f"{day} {time}" for day in DATE_INPUT_FORMATS for time in TIME_INPUT_FORMATS]
