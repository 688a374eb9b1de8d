"""The docs: made of the code or held to it, so that they cannot drift from it."""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import help
from pipeline.cli import app
from pipeline.config import RunConfig, load_as
from pipeline.evaluation.config import EvaluationConfig
from pipeline.training.config import TrainConfig
from tests.pages import PAGES, anchors, blocks, commands, first_cells, links
from tests.runs import ROOT

DOCS = ROOT / "docs"
CONFIGURED: dict[str, type[BaseModel]] = {
    "synthesize": RunConfig,
    "submit": RunConfig,
    "train": TrainConfig,
    "train-multinode": TrainConfig,
    "evaluate": EvaluationConfig,
}
"""What the YAML of a command holds."""
OPTION = re.compile(r"--[a-z][a-z-]+")


# the page of commands


def test_the_page_of_commands_says_what_the_commands_do() -> None:
    written = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert written == help.page(), "the commands have changed: python -m pipeline.help > docs/commands.md"


def test_the_page_of_commands_is_the_same_wherever_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    before = help.page()
    for name, value in {"COLUMNS": "20", "TERM": "xterm-256color", "FORCE_COLOR": "1", "RAY_ADDRESS": "x"}.items():
        monkeypatch.setenv(name, value)
    assert help.page() == before
    assert str(ROOT) not in before
    assert {letter for letter in before if not letter.isprintable()} == {"\n"}


def test_the_page_of_commands_has_the_options_that_help_shows_and_no_others() -> None:
    parts = help.page().split("\n## ")[1:]
    assert len(parts) == len(app.registered_commands)
    for part in parts:
        name = part.partition("\n")[0]
        shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
        assert set(OPTION.findall(shown)) - {"--help"} == set(OPTION.findall(part)), name


def test_what_looks_like_a_tag_can_be_read_on_the_page_of_commands() -> None:
    assert "&lt;run>/report.html" in help.page()


# links, commands, configurations


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for link in (link for link in links(page) if "://" not in link):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_a_command_on_a_page_is_one_that_can_be_given(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml" and block.file:
            (tmp_path / block.file).parent.mkdir(exist_ok=True)
            (tmp_path / block.file).write_text(block.text)
    for words in commands(page):
        arguments = passed_on(words) if words[0] == "make" else words[1:]
        if arguments:
            parse(arguments, tmp_path)


def passed_on(words: list[str]) -> list[str]:
    """What make would give to a command of ours; nothing where its target ends in none."""
    # What `make test` was told is not for this one.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    told = subprocess.run([*words, "--dry-run"], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    last = shlex.split(told.stdout.splitlines()[-1])
    return last[last.index("pipeline") + 1 :] if "pipeline" in last else []


def parse(arguments: list[str], folder: Path) -> None:
    """Understand a command without doing it, and its configuration: one of ours, one of the page's, or the reader's."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    name, *rest = arguments
    given = group.commands[name].make_context(name, rest).params
    if name in CONFIGURED:
        path = next((path for path in (ROOT / given["config"], folder / given["config"]) if path.exists()), None)
        assert path or given["config"].name == str(given["config"]), f"there is no {given['config']}"
        if path:
            load_as(CONFIGURED[name], path, given["overrides"] or [])


def test_the_paper_is_cited_alike_everywhere() -> None:
    readme, index = (
        [one.text for one in blocks(page) if one.language == "bibtex"]
        for page in (ROOT / "README.md", DOCS / "index.md")
    )
    assert len(readme) == 1
    assert readme == index


# troubleshooting


@pytest.mark.parametrize("sentence", first_cells(DOCS / "troubleshooting.md"))
def test_what_is_to_be_mended_is_said_so_by_the_code(sentence: str) -> None:
    assert any(sentence in text for text in sayings()), "reword it in docs/troubleshooting.md as the code has it now"


@cache
def sayings() -> list[str]:
    """Every text in the code, with … for what is filled in."""
    files = [path for folder in ("agents", "pipeline") for path in (ROOT / folder).rglob("*.py")]
    return [text for path in files for node in ast.walk(ast.parse(path.read_text())) for text in _texts(node)]


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


# the site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; mkdocs is strict about pages that are not in its table, links and anchors."""
    if find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    config = DOCS / "mkdocs" / "mkdocs.yml"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", config, "--site-dir", folder]
    built = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def test_the_site_has_every_page(site: Path) -> None:
    assert {path.stem for path in site.glob("*.html")} == {path.stem for path in DOCS.glob("*.md")} | {"404"}


def test_a_configuration_that_a_page_links_to_can_be_read_on_the_site(site: Path) -> None:
    assert 'href="configs/hosted.yaml.html"' in (site / "teachers.html").read_text()
    assert "gpt-4.1-mini" in (site / "configs" / "hosted.yaml.html").read_text()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?(https?:)?//""")
    assert not [path for path in site.rglob("*.html") if loaded.search(path.read_text())]
