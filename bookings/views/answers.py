"""Answers that views share."""

from __future__ import annotations

from django.http import HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """Go on to a page after something was done: reloading that page does nothing twice."""

    status_code = 303
