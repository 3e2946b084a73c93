"""How an order stands, in a word or two, as lists show it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from payments.stories import State, Story

# Each state in a list: a status with an icon, and a word or two.
_BADGES: dict[State, tuple[str, Promise]] = {
    State.ASKED: ("requested", gettext_lazy("waiting for an answer")),
    State.WAITING: ("awaiting_payment", gettext_lazy("to be paid")),
    State.UNDERWAY: ("awaiting_payment", gettext_lazy("to be paid")),
    State.FAILED: ("failed", gettext_lazy("did not go through")),
    State.NO_PAGE: ("failed", gettext_lazy("did not go through")),
    State.LAPSED: ("awaiting_payment", gettext_lazy("to be paid")),
    State.PAID: ("paid", gettext_lazy("paid")),
    State.PARTLY: ("paid", gettext_lazy("paid in part")),
    State.CALLED_OFF: ("cancelled", gettext_lazy("cancelled")),
    State.DISPUTED: ("needs_review", gettext_lazy("disputed")),
    State.TAKEN: ("cancelled", gettext_lazy("taken back by the bank")),
    State.CHECKING: ("waiting", gettext_lazy("being asked about")),
    State.REVIEW: ("waiting", gettext_lazy("being looked at")),
    State.RETURNED: ("cancelled", gettext_lazy("goes back")),
    State.EXPIRED: ("expired", gettext_lazy("not paid in time")),
    State.UNANSWERED: ("expired", gettext_lazy("not answered")),
    State.DECLINED: ("cancelled", gettext_lazy("declined")),
    State.CANCELLED: ("cancelled", gettext_lazy("cancelled")),
}
_WENT_BACK = ("cancelled", gettext_lazy("went back"))


def badge_of(story: Story) -> tuple[str, Promise]:
    """Return how an order stands as a list shows it."""
    if story.state is State.RETURNED and story.is_all_back:
        return _WENT_BACK
    return _BADGES[story.state]
