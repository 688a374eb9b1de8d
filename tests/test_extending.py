"""docs/extending.md: all of it is put into a copy of the project, and each part is used there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pages import Block, blocks
from tests.runs import ROOT

BLOCKS = blocks(ROOT / "docs" / "extending.md")
MOST = 14
"""Lines of a block: little enough to be read at once."""


def put(block: Block, folder: Path) -> None:
    """Do as a block says: a change to a file, a function more in it, or a new one."""
    path = folder / block.file
    if block.language == "diff":
        text, lines = path.read_text(), block.text.splitlines()
        before, after = ("\n".join(line[1:] for line in lines if line[:1] != left_out) for left_out in "+-")
        assert text.count(before) == 1, f"{block.file} is no longer as docs/extending.md has it"
        path.write_text(text.replace(before, after))
    elif path.exists():
        path.write_text(f"{path.read_text()}\n\n{block.text}")
    else:
        path.write_text(block.text)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project that has all of the page in it."""
    folder = tmp_path_factory.mktemp("extended")
    for part in ("agents", "configs", "pipeline", "prompts", "tests"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for block in BLOCKS:
        put(block, folder)
    return folder


def used(what: str, folder: Path) -> Any:
    """What comes of using one part of the page in the copy."""
    env = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "tests.extended", what]
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.file} ({block.language})")
def test_a_block_says_where_it_goes_and_is_short(block: Block) -> None:
    assert block.file
    assert len(block.text.splitlines()) <= MOST


def test_an_added_tool_is_offered_to_the_model_and_shows_what_it_asks_for(extended: Path) -> None:
    found = used("tool", extended)
    assert found["tools"][-1] == "zoom_out"
    # A box of 128x96 has as much on every side as the square root of its area.
    assert found["shown"] == [145, 81, 495, 399]
    assert (found["pictures"], found["correct"]) == ([1, 2], True)


def test_an_added_stage_sets_aside_what_it_does_not_want_and_lets_the_rest_through(extended: Path) -> None:
    found = used("stage", extended)
    assert found["aside"] == [["1.jpg", "nothing is segmented"]]
    assert found["traces"] == 3


def test_an_added_prompt_is_filled_in(extended: Path) -> None:
    assert used("prompt", extended).startswith("Describe the red door in one sentence")


def test_an_added_reward_scores_rollouts_and_is_weighed_by_the_yaml(extended: Path) -> None:
    found = used("reward", extended)
    assert found["alone"] == [1.0, 0.5, 0.25, 0.0]
    # 1 for the answer, 0.3 for the form, and 0.2 times the new one.
    assert found["weighed"] == pytest.approx([1.5, 1.4, 1.35])


def test_an_added_strategy_shows_the_policy_what_it_wants(extended: Path) -> None:
    found = used("strategy", extended)
    whole, middle = found["shown"]
    assert whole == [0, 0, 403, 301]
    assert middle[0] < 134 < 268 < middle[2]
    assert middle[1] < 100 < 200 < middle[3]
    assert found["reply"] == "EXIT"


def test_an_added_benchmark_asks_its_questions(extended: Path) -> None:
    found = used("benchmark", extended)
    asked = "What does the sign say?"
    assert found["asked"] == [[asked, "BAKERY", [640, 480]], [asked, "EXIT", [640, 480]]]
    assert found["strategies"] == ["direct", "middle", "cof"]


@pytest.mark.parametrize("check", [("check",), ("format", "--check")], ids="-".join)
def test_what_the_page_adds_is_written_as_the_rest_is(check: tuple[str, ...], extended: Path) -> None:
    files = [block.file for block in BLOCKS if block.file.endswith(".py")]
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", *check, *files], cwd=extended, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
