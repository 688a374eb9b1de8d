"""Pages of the docs as tests read them: links, anchors, blocks and what each is to be, tables, commands."""

import re
import shlex
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.runs import ROOT

PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))


class Block(NamedTuple):
    """A fenced block, and the file that the paragraph before it names last."""

    file: str
    language: str
    text: str


def links(page: Path) -> list[str]:
    """Where it leads to."""
    inner = [child for token in _tokens(page) for child in token.children or ()]
    return [str(child.attrs[key]) for child in inner for key in ("href", "src") if key in child.attrs]


def anchors(page: Path) -> set[str]:
    """Names of its headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    found = set()
    for before, token in pairwise(_tokens(page)):
        if before.type == "heading_open":
            slug = re.sub(r"[^\w\- ]", "", _text(token).lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def blocks(page: Path) -> list[Block]:
    """Its fenced blocks; `file` is empty for one that no code before a colon introduces."""
    found, named = [], ""
    for token in _tokens(page):
        if token.type == "fence":
            found.append(Block(named, token.info, token.content))
            named = ""
        elif token.type == "inline":
            code = _code(token)
            named = code[-1] if code and token.content.endswith(":") else ""
    return found


def first_cells(page: Path) -> list[str]:
    """What begins the rows of its tables, where that is code."""
    tokens = _tokens(page)
    cells = [
        token
        for row, cell, token in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if (row.type, cell.type) == ("tr_open", "td_open")
    ]
    return [code for cell in cells for code in _code(cell)[:1]]


def commands(page: Path) -> list[list[str]]:
    """Commands of `make` and of ours in its indented blocks, split as a shell does; abridged ones are left out."""
    written = "\n".join(token.content for token in _tokens(page) if token.type == "code_block")
    lines = re.split(r"\n|&&", written.replace("\\\n", " "))
    whole = [shlex.split(line, comments=True) for line in lines if "…" not in line]
    return [words for words in whole if words and Path(words[0]).name in {"make", "cof"}]


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def _code(token: Token) -> list[str]:
    return [child.content for child in token.children or () if child.type == "code_inline"]


def _text(token: Token) -> str:
    return "".join(child.content for child in token.children or ())
