"""What a run writes into docs/benchmarks.md: its own tables, each in its place."""

from bench.measurements import merge


def test_part_measured_alone_takes_its_own_place_and_leaves_the_others():
    kept = "`make bench`: 2 cores.\n\n### Rushes\n\nold\n\nof rushes\n\n### Slots\n\nold"
    told = merge(kept, ["### Slots\n\nnew", "### Forecast\n\nnew"])
    assert told == ["`make bench`: 2 cores.", "### Rushes\n\nold\n\nof rushes", "### Slots\n\nnew", "### Forecast\n\nnew"]
