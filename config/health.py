"""What operators ask of the site: is it alive, can it serve, and how does it stand?"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bookings.job_queue import SILENT_SECONDS, oldest_wait_seconds, read_pulse
from config.metrics import render_metrics
from meetings.watching import overdue_sessions

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@login_not_required
@never_cache
@require_safe
def show_alive(request: HttpRequest) -> HttpResponse:
    """Say that this process answers. Asks nothing of the database: restarting it would not mend that."""
    return JsonResponse({"alive": True})


@login_not_required
@never_cache
@require_safe
def show_ready(request: HttpRequest) -> HttpResponse:
    """Say that this process can serve: its database answers, else the middleware answers 503.

    What else is wrong is told, not judged. A late queue, a silent worker or sessions without an address are no better on
    another web server, and a load balancer that took this one out would only stop pages and payments as well.
    """
    now = timezone.now()
    pulse = read_pulse(now)
    oldest = oldest_wait_seconds(now)
    overdue = overdue_sessions(now).count()
    wrong = {
        "worker_silent": pulse.heartbeat_seconds is None or pulse.heartbeat_seconds > SILENT_SECONDS,
        "queue_late": oldest >= 60 * settings.ALERT_QUEUE_MINUTES,
        "meetings_overdue": overdue > 0,
    }
    degraded = [name for name, is_so in wrong.items() if is_so]
    return JsonResponse(
        {
            "ready": True,
            "status": "degraded" if degraded else "ok",
            "degraded": degraded,
            "database": "answers",
            "workers": pulse.workers,
            "worker_heartbeat_seconds": pulse.heartbeat_seconds,
            "oldest_job_seconds": oldest,
            "overdue_meetings": overdue,
        }
    )


@login_not_required
@never_cache
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Show the figures to whoever has METRICS_TOKEN; without a token they are open in demos only."""
    if not may_read_metrics(request):
        sentence = "Send METRICS_TOKEN, one of the settings of this site, as “Authorization: Bearer <token>”.\n"
        refused = HttpResponse(sentence, status=401, content_type="text/plain; charset=utf-8")
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    return HttpResponse(render_metrics(timezone.now()), content_type=PROMETHEUS_TEXT)


def may_read_metrics(request: HttpRequest) -> bool:
    """True with the right token, compared in constant time."""
    if not settings.METRICS_TOKEN:
        return bool(settings.DEBUG)
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
