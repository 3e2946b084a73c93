"""What rows keep is English; what people read of it is theirs."""

from __future__ import annotations

import pytest
from django.utils import translation

from bookings.errors import SlotTaken
from bookings.kept import Kept, in_english, read_kept
from bookings.money import Money

GOES_BACK = Kept("%(money)s goes back to the payer: %(reason)s.")


def test_sentence_is_kept_in_english_whoever_causes_it():
    with translation.override("id"):
        assert GOES_BACK(money=Money(150_000, "IDR"), reason="paid twice") == "Rp150,000 goes back to the payer: paid twice."
        assert in_english(SlotTaken().message).startswith("Sorry, somebody else")


def test_kept_sentence_is_read_in_the_readers_language():
    with translation.override("id"):
        assert (
            read_kept("Rp150,000 goes back to the payer: paid twice.")
            == "Rp150,000 dikembalikan kepada pembayar: dibayar dua kali."
        )
    with translation.override("en"):
        assert read_kept("Rp150,000 goes back to the payer: paid twice.") == "Rp150,000 goes back to the payer: paid twice."


@pytest.mark.parametrize("written", ["", "Salah transfer, 50% kembali %(x)s", "went back home", "{0} (.*) \\d\n"])
def test_what_a_person_wrote_stays_as_it_is(written):
    with translation.override("id"):
        assert read_kept(written) == written
