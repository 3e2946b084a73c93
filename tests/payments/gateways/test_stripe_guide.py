from pathlib import Path

from payments.gateways.stripe_messages import HEARD

GUIDE = Path(__file__).parents[3] / "docs" / "operating.md"


def test_guide_names_every_event_that_is_heard():
    guide = GUIDE.read_text(encoding="utf-8")
    assert [kind for kind in HEARD if f"`{kind}`" not in guide] == []
