"""A bare Django view: one durable insert for each message."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def keep(request: HttpRequest) -> HttpResponse:
    """Store the body and answer."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_message (body) VALUES (%s)", [request.body])
    return HttpResponse("kept")


urlpatterns = [path("bare", keep)]
