"""What programs send: JSON of a size that can be read, or a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from bookings.errors import RequestTooLarge

BODY_LIMIT = 64 * 1024  # bytes


class BoundedJSONParser(JSONParser):
    """JSON that is neither too long nor too deep to be read."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return what the body holds. Raises RequestTooLarge, ParseError."""
        raw = stream.read(BODY_LIMIT + 1)
        if len(raw) > BODY_LIMIT:
            raise RequestTooLarge
        try:
            return super().parse(BytesIO(raw), media_type, parser_context)
        except RecursionError:
            raise ParseError(_("This JSON is nested too deeply.")) from None
