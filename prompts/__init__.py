"""Every word said to a model, one Markdown template per prompt; an undefined variable raises."""

import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined


def render(name: str, **values: object) -> str:
    """The prompt `prompts/<name>.md` with its variables filled in.

    Raises `jinja2.UndefinedError` for a variable that was not given and
    `jinja2.TemplateNotFound` for a prompt that does not exist.
    """
    return _environment().get_template(name).render(**values).strip()


def names() -> list[str]:
    """The names of all prompts, sorted."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".md") for file in files if file.name.endswith(".md"))


def hashes() -> dict[str, str]:
    """A short SHA-256 of each prompt file: part of a run's provenance."""
    return {name: hashlib.sha256(_read(name).encode()).hexdigest()[:16] for name in names()}


def _read(name: str) -> str:
    return resources.files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")


def _load(name: str) -> str | None:
    return _read(name) if name in names() else None


@cache
def _environment() -> Environment:
    # Prompts are plain text for a model, so nothing is escaped as HTML.
    return Environment(loader=FunctionLoader(_load), undefined=StrictUndefined, autoescape=False)
