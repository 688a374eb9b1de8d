"""Every word said to a model: templates whose variables must all be given."""

import re
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

import prompts

FOLDER = Path(prompts.__file__).parent


def test_every_file_is_a_prompt() -> None:
    assert prompts.names() == sorted(path.stem for path in FOLDER.glob("*.md"))


def test_a_variable_that_was_not_given_raises() -> None:
    with pytest.raises(jinja2.UndefinedError, match="question"):
        prompts.render("answer")


def test_a_prompt_that_does_not_exist_raises() -> None:
    with pytest.raises(jinja2.TemplateNotFound, match="sonnet"):
        prompts.render("sonnet")


def test_what_is_filled_in_is_not_changed() -> None:
    question = 'Is "<A & B>" {{ above }} or below?'
    assert f"Question: {question}" in prompts.render("answer", question=question)


def test_every_prompt_has_a_hash_of_its_own() -> None:
    hashes = prompts.hashes()
    assert sorted(hashes) == prompts.names()
    assert len(set(hashes.values())) == len(hashes)


@pytest.mark.parametrize("name", prompts.names())
def test_a_prompt_is_used_by_the_code(name: str) -> None:
    code = [path.read_text() for folder in ("agents", "pipeline") for path in Path(folder).rglob("*.py")]
    wanted = "policy_{dialect}_user" if re.fullmatch(r"policy_(inline|tool_call)_user", name) else name
    assert any(f'"{wanted}"' in text for text in code)


def test_the_agent_needs_neither_ray_nor_datasets_nor_the_pipeline() -> None:
    names = "ray", "datasets", "torch", "pyarrow", "pipeline"
    script = f"import agents.agent, sys; print([name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
