from collections import Counter

from bench.crew import Report, gather
from bench.figures import Sample, percentile, ratio, shown, table


def test_rate_counts_all_work_over_the_time_from_the_first_start_to_the_last_end():
    early = Report(began=10.0, ended=11.0, latencies=[0.5, 0.5], outcomes=Counter(assigned=2))
    late = Report(began=10.5, ended=12.0, latencies=[0.75, 0.75], outcomes=Counter(assigned=1, refused=1))

    together = gather([early, late])

    assert (together.count, together.seconds, together.per_second) == (4, 2.0, 2.0)
    assert together.outcomes == Counter(assigned=3, refused=1)


def test_samples_of_several_turns_add_up():
    both = Sample(1.0, [0.1], Counter(assigned=1)) + Sample(3.0, [0.2, 0.3], Counter(assigned=1, refused=1))
    assert (both.per_second, both.latencies, both.outcomes) == (0.75, [0.1, 0.2, 0.3], Counter(assigned=2, refused=1))


def test_percentile_is_a_value_that_was_seen():
    hundred = [float(number) for number in range(1, 101)]
    assert (percentile(hundred, 95), percentile(hundred, 50), percentile(hundred, 100)) == (95.0, 50.0, 100.0)
    assert percentile([3.0, 1.0, 2.0], 95) == 3.0
    assert percentile([7.0], 1) == 7.0
    assert percentile([], 95) == 0.0


def test_ratio_says_how_many_times_theirs_goes_into_ours():
    assert ratio(300.0, 150.0) == 2.0
    assert ratio(1.0, 4.0) == 0.25
    assert ratio(5.0, 0.0) == 0.0


def test_figures_show_what_means_something():
    assert [shown(number) for number in (12345.6, 100, 45.67, 1.234, 0.5, 0.01234)] == [
        "12,346", "100", "45.7", "1.23", "0.50", "0.012",
    ]  # fmt: skip


def test_table_is_markdown_with_numbers_to_the_right():
    assert table(["pool", "rate"], [["ten", "1"], ["a thousand", "20"]]) == (
        "| pool       | rate |\n| ---------- | ---: |\n| ten        |    1 |\n| a thousand |   20 |"
    )
