"""A vendor that answers as it is told, for answers that no double of a real one gives."""

from __future__ import annotations

from typing import Any

from bookings.doubles.server import Answer, Double, Request


class ScriptedVendor(Double):
    """Gives `answers` one after the other, the last one again and again."""

    def __init__(self, *answers: tuple[int, Any] | tuple[int, Any, dict[str, str]]) -> None:
        super().__init__()
        self.answers = [Answer(*answer) for answer in answers]

    def answer(self, request: Request) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def error(self, status: int) -> Answer:
        return Answer(status, {})
