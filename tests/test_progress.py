"""What a run says while it goes on."""

from pipeline.progress import line

STAGES = ("sample", "search", "summarize")


def test_a_line_has_what_is_done_the_rate_the_yield_and_the_cost() -> None:
    counts = {
        "sample": {"seen": 10.0, "made": 10.0},
        "search": {"seen": 24.0, "rejected": 4.0, "tokens": 52_000.0, "cost": 1.25},
        "summarize": {"seen": 20.0, "made": 15.0},
    }
    assert line(counts, STAGES, 40, 90.0) == (
        "  90 s · sample 10/40 · search 24 (-4) · summarize 20 · traces 15, 10 a minute, 1.5 a photo begun · "
        "52k tokens · cost 1.25"
    )


def test_at_the_beginning_there_is_nothing_to_divide() -> None:
    assert line({}, STAGES, 40, 0.0) == "   0 s · sample 0/40 · search 0 · summarize 0 · traces 0"
