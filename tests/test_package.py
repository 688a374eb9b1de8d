"""The package as `pip install` gets it: everything a command needs is in it, and it works from any folder."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.runs import ROOT

PACKAGES = ("agents", "configs", "pipeline", "prompts")


def said(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints, run with nothing of this checkout to be found."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, check=True, text=True, capture_output=True, env=environment
    ).stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    checkout = folder / "checkout"
    tracked = said("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_bytes((ROOT / name).read_bytes())
    builds = "from setuptools.build_meta import {0}; {0}({1!r})"
    said(sys.executable, "-c", builds.format("build_sdist", str(folder)), cwd=checkout, HOME=str(folder))
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "sdist", filter="data")
    (unpacked,) = (folder / "sdist").iterdir()
    said(sys.executable, "-c", builds.format("build_wheel", str(folder)), cwd=unpacked, HOME=str(folder))
    return folder


@pytest.fixture(scope="module")
def installed(built: Path) -> Path:
    """A folder that holds what the wheel does."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(built / "installed")
    return built / "installed"


def test_every_file_of_the_packages_is_in_the_wheel(installed: Path) -> None:
    tracked = said("git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES, cwd=ROOT).splitlines()
    missing = [name for name in tracked if (ROOT / name).is_file() and not (installed / name).is_file()]
    assert missing == []


def test_nothing_else_is_in_it(installed: Path) -> None:
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == set(PACKAGES)


def test_the_version_is_that_of_the_project_file(installed: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    printed = said(sys.executable, "-m", "pipeline", "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert printed.strip() == project["version"]
    assert f"\n## {printed.strip()}" in (ROOT / "CHANGELOG.md").read_text()


def test_commands_find_their_prompts_and_configurations_from_any_folder(installed: Path, tmp_path: Path) -> None:
    script = (
        "import prompts, pipeline; from pipeline.cli import DEFAULT, EVALUATE, TRAIN;"
        "assert prompts.render('evaluate_close'); print(pipeline.__file__);"
        "[print(path) for path in (DEFAULT, EVALUATE, TRAIN) if path.is_file()]"
    )
    lines = said(sys.executable, "-c", script, cwd=tmp_path, PYTHONPATH=str(installed)).splitlines()
    assert len(lines) == 4 and all(line.startswith(str(installed)) for line in lines)
