"""What a run will cost, from a pilot: real runs through the command line, with prices."""

from pathlib import Path

import pytest

from tests.runs import asking, cof, oracle, photos

pytestmark = pytest.mark.e2e

PRICES = ["teacher.prices={oracle: {input: 1000, output: 1000}}"]


def test_a_pilot_tells_the_cost_of_all_photos_and_is_not_paid_again(tmp_path: Path, on_cluster: dict[str, str]) -> None:
    images, out = photos(tmp_path / "photos", 4), tmp_path / "run"
    with oracle() as (_, script):
        command = asking(script.url, out, images, *PRICES)
        pilot = cof(*command, "--pilot", "2", **on_cluster)
        assert pilot.code == 0, pilot
        asked = len(script.asked)
        # Each reply of the oracle's is 7 tokens in and 3 out: a cent.
        assert f"for all 4 photos: about {2 * asked} calls" in pilot.out
        assert f"cost: {2 * asked / 100:.2f} ± " in pilot.out
        whole = cof(*command, **on_cluster)
        assert whole.code == 0, whole
        assert f"cost {len(script.asked) / 100:.2f}" not in pilot.out
    assert len({str(body) for body in script.asked}) == len(script.asked)


def test_a_run_stops_at_its_most_and_goes_on_when_more_is_allowed(tmp_path: Path, on_cluster: dict[str, str]) -> None:
    images, out = photos(tmp_path / "photos", 3), tmp_path / "run"
    with oracle() as (_, script):
        prices = ["teacher.prices={oracle: {input: 0, output: 1000}}", "teacher.max_tokens=10"]
        command = asking(script.url, out, images, *prices)
        stopped = cof(*command, "teacher.limits.max_cost=0.1", **on_cluster)
        assert stopped.code == 2, stopped
        assert "beyond teacher.limits.max_cost" in stopped.err
        assert 0.08 < 0.003 * len(script.asked) <= 0.1
        done = cof(*command, **on_cluster)
        assert done.code == 0, done
    assert len({str(body) for body in script.asked}) == len(script.asked)
