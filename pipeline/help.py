"""The help of all commands as a page of the docs: `python -m pipeline.help > docs/commands.md`.

Typer can write such a page itself, but cuts first sentences short and loses what looks like a tag; and its wording
changes with its version, where this one says only what `pipeline/cli.py` does.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

from pipeline.cli import CONFIGS, app

Parameter = TyperArgument | TyperOption
HOW = """\
Made of `pipeline/cli.py` by `python -m pipeline.help`; `cof COMMAND --help` says the same. `cof` lies in `.venv/bin/`
after any `make`, and `python -m pipeline` is another name for it. A command exits with 0 when all is done, 1 when
records met a bug, 2 for what the operator has to mend (one sentence: [troubleshooting](troubleshooting.md)), and 130
when it was stopped."""


def page() -> str:
    """The page, in Markdown."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    parts = ["# Commands", _prose(group.help), HOW, *_parameters(group), _list(group)]
    for name, command in group.commands.items():
        parts += [f"## {name}", f"```\n{_usage(name, command)}\n```", _prose(command.help), *_parameters(command)]
    return "\n\n".join(parts) + "\n"


def _list(group: TyperGroup) -> str:
    rows = [f"| [`{name}`](#{name}) | {_prose(command.help, 1)} |" for name, command in group.commands.items()]
    return "\n".join(["| command | |", "|---|---|", *rows])


def _usage(name: str, command: Any) -> str:
    arguments = [_placeholder(one) for one in command.params if isinstance(one, TyperArgument)]
    return " ".join(["cof", name, *(["[OPTIONS]"] if len(arguments) < len(command.params) else []), *arguments])


def _parameters(command: Any) -> Iterator[str]:
    """What a command takes, as a table; nothing where it takes nothing."""
    shown = [one for one in command.params if not one.hidden]
    if shown:
        yield "\n".join(["| argument or option | default | |", "|---|---|---|", *map(_row, shown)])


def _row(one: Parameter) -> str:
    names = _placeholder(one) if isinstance(one, TyperArgument) else _spelling(one)
    return f"| {_code(names)} | {_default(one)} | {_prose(one.help)} |"


def _spelling(option: TyperOption) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {_word(option)}"


def _placeholder(argument: TyperArgument) -> str:
    """As a usage line has it: in brackets where it may be left out."""
    word = _word(argument)
    if argument.nargs == -1 and not word.endswith("..."):
        word += "..."
    return word if argument.required or word.startswith("[") else f"[{word}]"


def _word(one: Parameter) -> str:
    return one.metavar or str(one.name).upper()


def _default(one: Parameter) -> str:
    """Where the value comes from when it is not given; a path inside the repository as it is seen from there."""
    if one.envvar:
        return _code(f"${one.envvar}")
    value = one.default
    if isinstance(value, Path) and value.is_relative_to(CONFIGS.parent):
        value = value.relative_to(CONFIGS.parent).as_posix()
    return "" if value is None or value is False else _code(str(value))


def _code(text: str) -> str:
    return f"`{text}`"


def _prose(text: str | None, sentences: int | None = None) -> str:
    """Words of the command line as Markdown: outside of code nothing is a tag, a column or a stress."""
    words = " ".join((text or "").split())
    if sentences is not None:
        words = " ".join(re.split(r"(?<=\.) ", words)[:sentences])
    parts = words.split("`")
    parts[::2] = [re.sub(r"([|*])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    print(page(), end="")
