"""The package django-appointment, as a site would run it: `python package_program.py` in an environment of its own.

It reads one line of JSON, which describes the tutor, sets a site with this one staff member up in the database it is
given, and answers "ready". From then on each line asks for one list; the answer is the seconds that it took and the slots,
and the number of queries if the line is "count".
The list is what the package's own page asks for: the slots of a date, for one date after the other.

The package is used under its licence (Apache 2.0), as it comes. It keeps one span of hours for each weekday, so the breaks
between the windows are entered as it provides for it, as unavailabilities of each date.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

SOURCE, TARGET = sys.stdin, os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the package logs stays out of the answers


def main() -> None:
    asked = json.loads(SOURCE.readline())
    _set_up(asked)
    staff, service = _load(asked)
    connection = import_module("django.db").connection
    dates = [date.fromisoformat(day) for day in asked["dates"]]
    slots_of_day = import_module("appointment.services").get_available_slots_for_staff
    weekday_of = import_module("appointment.utils.db_helpers").get_weekday_num_from_date
    _answer("ready")
    for line in SOURCE:
        with ExitStack() as counting:
            queries: list[str] = []
            if line.strip() == "count":
                counting.enter_context(connection.execute_wrapper(_noting(queries)))
            began = time.perf_counter()
            found = [slot for day in dates for slot in slots_of_day(day, staff, weekday_of(day), service=service)]
            seconds = time.perf_counter() - began
        _answer({"seconds": seconds, "slots": [slot.isoformat() for slot in found], "queries": len(queries)})


def _noting(queries: list[str]) -> Callable[..., Any]:
    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    return note


def _set_up(asked: dict[str, Any]) -> None:
    import_module("django.conf").settings.configure(
        SECRET_KEY="only-for-measuring",
        DATABASES={"default": asked["database"]},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "appointment"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE=asked["zone"],
    )
    import_module("django").setup()
    call_command = import_module("django.core.management").call_command
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # it comes without migrations: each site makes its own


def _load(asked: dict[str, Any]) -> tuple[Any, Any]:
    """Write the tutor down: the staff member, hours, breaks and appointments."""
    models = import_module("appointment.models")
    users = import_module("django.contrib.auth.models").User.objects
    models.Config.objects.create(slot_duration=asked["step"], slot_gap_time=asked["gap"], appointment_buffer_time=0)
    service = models.Service.objects.create(name="Lesson", duration=timedelta(minutes=asked["minutes"]), price=10)
    staff = models.StaffMember.objects.create(user=users.create_user("tutor"), slot_duration=asked["step"])
    staff.services_offered.add(service)
    for weekday, starts, ends in asked["hours"]:
        hours = models.WorkingHours(staff_member=staff, day_of_week=weekday, start_time=starts, end_time=ends)
        hours.save()
    models.Unavailability.objects.bulk_create(
        models.Unavailability(staff_member=staff, date=day, start_time=starts, end_time=ends)
        for day, starts, ends in asked["breaks"]
    )
    client = users.create_user("student")
    for number, start in enumerate(datetime.fromisoformat(text) for text in asked["lessons"]):
        request = models.AppointmentRequest.objects.create(
            date=start.date(),
            start_time=start.time(),
            end_time=(start + timedelta(minutes=asked["minutes"])).time(),
            service=service,
            staff_member=staff,
            id_request=str(number),
        )
        models.Appointment.objects.create(client=client, appointment_request=request, amount_to_pay=0)
    connection = import_module("django.db").connection
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    staff.refresh_from_db()
    return staff, service


def _answer(told: object) -> None:
    print(json.dumps(told), file=TARGET, flush=True)


if __name__ == "__main__":
    main()
