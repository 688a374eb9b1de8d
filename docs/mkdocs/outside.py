"""A hook of mkdocs: what pages link to outside of docs/, as `../configs/demo.yaml`, becomes a page of the site."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parents[2]
_OUTSIDE = re.compile(r"\]\(\.\./([^)#]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add those pages. A link to what is not there stays without one, and mkdocs complains of it."""
    pages = files.documentation_pages()
    for name in sorted({name for page in pages for name in _OUTSIDE.findall(page.content_string)}):
        if (path := ROOT / name).is_file():
            files.append(File.generated(config, _page(name), content=_shown(path), inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Have the links lead there."""
    return _OUTSIDE.sub(lambda found: f"]({_page(found[1])})", markdown)


def _page(name: str) -> str:
    return f"{name}.md"


def _shown(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return f"# {path.relative_to(ROOT).as_posix()}\n\n~~~~ {path.suffix.removeprefix('.')}\n{text}~~~~\n"
