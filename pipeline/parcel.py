"""What a cluster is handed of a run: its command line, our code, and of secrets their names alone."""

import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agents.files import is_remote
from pipeline.config import ConfigError, RunConfig, load

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "chain-of-focus"
"""What marks a job as one of ours."""
EXCLUDES = ["/*", "!/.", *(f"!/{name}" for name in ("agents", "configs", "pipeline", "prompts")),
            "__pycache__", ".?*", "*.pem", "*.key", "*.env"]  # fmt: skip
"""As in a .gitignore: all but code, prompts and configurations stays here, and of those what may be secret."""
STOPPING = {"RAY_JOB_STOP_SIGNAL": "SIGINT", "RAY_JOB_STOP_WAIT_TIME_S": "30"}
"""A job is stopped as by Ctrl-C, and killed only if that does not end it."""
_SECRET = re.compile("(KEY|TOKEN|SECRET|PASSWORD)$")
_LEAST = 8
"""Letters of a secret: what is shorter may stand anywhere by chance."""


def parcel(path: Path, overrides: list[str], pilot: int | None = None, install: bool = False) -> dict[str, Any]:
    """The arguments of Ray's `submit_job` for a run.

    Raises ConfigError for a run that a cluster could not carry out, or that would tell it a secret.
    """
    config = load(path, overrides)
    _refuse_what_is_only_here(config)
    _refuse_secrets(config, [*overrides, path.read_text(encoding="utf-8")])
    options = ["--config", _travelling(path), *(["--pilot", str(pilot)] if pilot else [])]
    return {
        "entrypoint": _needing_the_key(config) + _command([*options, *overrides]),
        "runtime_env": _runtime_env(install),
        "metadata": {"project": PROJECT, "run": config.out},
    }


def _command(arguments: list[str]) -> str:
    # In the shell's place, so that what stops the job reaches the run itself.
    return "exec " + shlex.join(["python", "-m", "pipeline", "synthesize", *arguments])


def _needing_the_key(config: RunConfig) -> str:
    """A test, in the shell of the job, that the cluster has the key, where the configuration names one."""
    if config.teacher.local or "key_env" not in config.teacher.model_fields_set:
        return ""
    name = config.teacher.key_env
    sorry = shlex.quote(f"error: ${name} is not set on the nodes of the cluster; see Secrets in docs/cluster.md.")
    return f'[ -n "${name}" ] || {{ echo {sorry}; exit 2; }}; '


def _runtime_env(install: bool) -> dict[str, Any]:
    """What Ray brings to every node: our code, and where it is asked for, what that depends on."""
    env: dict[str, Any] = {"working_dir": str(ROOT), "excludes": EXCLUDES, "env_vars": STOPPING}
    return {**env, "uv": _dependencies()} if install else env


def _dependencies() -> list[str]:
    """All but Ray itself, whose version is the cluster's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named: list[str] = project["dependencies"] + project["optional-dependencies"]["cluster"]
    return [one for one in named if not one.startswith("ray[")]


def _travelling(path: Path) -> str:
    folder, path = ROOT / "configs", path.resolve()
    if not path.is_relative_to(folder):
        raise ConfigError(f"{path} does not travel to the cluster. Copy it into {folder} and name it there.")
    return path.relative_to(ROOT).as_posix()


def _refuse_what_is_only_here(config: RunConfig) -> None:
    for key, place in _places(config):
        if not is_remote(place) and not place.startswith("/"):
            raise ConfigError(
                f"{key}={place} is a place on this machine alone. Give one that all nodes of the cluster reach: a URI "
                "as s3://bucket/run, or the full path on a disk that they share."
            )


def _places(config: RunConfig) -> Iterator[tuple[str, str]]:
    yield "out", config.out
    images = config.sample.images
    yield from (
        ("sample.images", place) for place in ([images] if isinstance(images, str) else images) if place != "drawn"
    )
    if config.segmenter.checkpoint:
        yield "segmenter.checkpoint", config.segmenter.checkpoint


def _refuse_secrets(config: RunConfig, said: list[str]) -> None:
    """What is handed over is kept and shown by the cluster, so that nothing in it may be secret."""
    named = config.teacher.key_env
    if not re.fullmatch(r"[A-Za-z_]\w*", named, re.ASCII):
        raise ConfigError("teacher.key_env is the name of an environment variable, as OPENAI_API_KEY, never the key.")
    for name, value in os.environ.items():
        if (name == named or _SECRET.search(name)) and len(value) >= _LEAST and any(value in text for text in said):
            raise ConfigError(
                f"The value of ${name} stands in the configuration or on the command line, which the cluster would "
                f"show. Take it out, and set ${name} on the cluster's nodes: see Secrets in docs/cluster.md."
            )
