"""Pushing to the Hub: what is there already stays, what is new or changed goes, and what was interrupted goes on."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.filesize import decimal

from agents.photos import file_hash
from pipeline.publish import PushError
from pipeline.publish.contents import OURS, Content, content_of
from pipeline.publish.repo import Repo
from pipeline.version import code_version

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

State = Literal["new", "changed", "unchanged", "gone"]


class Item(NamedTuple):
    """One file, and what becomes of it on the Hub: sent, left as it is there, or removed."""

    name: str
    bytes: int
    state: State


def push(run: Path, repo: str, public: bool = False, dry_run: bool = False, say: Callable[[str], None] = print) -> None:
    """Bring a run's dataset, or a model, to the repository `owner/name`: a new one, or what changed since.

    It is private unless `public`, and opened only when everything has arrived. The run's folder is only read. A dry
    run says what would be done to each file. Raises PushError.
    """
    with TemporaryDirectory(prefix="cof-push-") as work:
        content = content_of(run, repo, Path(work))
        there = Repo(repo, content.kind, say)
        was_public = there.is_public()
        if was_public and not public:
            raise PushError(f"{there.url} is public. Say --public to push to it, or choose another name.")
        items = compare(content, there.files() if was_public is not None else {})
        if dry_run:
            for item in items:
                say(f"{item.state:<10}{decimal(item.bytes):>10}  {item.name}")
            say(f"would push {_told(there, items, public)}")
            return
        say(f"pushing to {there.url}")
        if was_public is None:
            there.create()
        _send(there, content, items, Path(work, "staged"))
        if public and not was_public:
            there.open()
    say(f"pushed {_told(there, items, public)}")


def compare(content: Content, there: "dict[str, RepoFile]") -> list[Item]:
    """What has to be done to each file, in order of names; files on the Hub that are nothing of ours stay."""
    items = []
    for name, path in content.files.items():
        state: State = "new" if name not in there else "unchanged" if _same(path, there[name]) else "changed"
        items.append(Item(name, path.stat().st_size, state))
    for name, file in there.items():
        if name not in content.files and any(fnmatchcase(name, ours) for ours in OURS[content.kind]):
            items.append(Item(name, file.size, "gone"))
    return sorted(items)


def _same(path: Path, file: "RepoFile") -> bool:
    """Whether a file is what the Hub has; only one of the same size is read."""
    from huggingface_hub.utils.sha import git_hash

    if path.stat().st_size != file.size:
        return False
    return file_hash(str(path)) == file.lfs.sha256 if file.lfs else git_hash(path.read_bytes()) == file.blob_id


def _send(there: Repo, content: Content, items: Iterable[Item], staged: Path) -> None:
    """Send what is new or changed, from a folder of links to it: the client leaves nothing in the run's own."""
    wanted = [item.name for item in items if item.state in ("new", "changed")]
    gone = [item.name for item in items if item.state == "gone"]
    staged.mkdir()
    for name in wanted:
        link = staged / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(content.files[name].absolute())
    if wanted or gone:
        there.send(staged, gone, f"Chain-of-Focus {content.kind}, pushed by code {code_version()}")


def _told(there: Repo, items: Iterable[Item], public: bool) -> str:
    """How much goes, how much is there already, and where."""
    by_state: dict[State, list[int]] = {"new": [], "changed": [], "unchanged": [], "gone": []}
    for item in items:
        by_state[item.state].append(item.bytes)
    parts = [f"{len(sizes)} {state} ({decimal(sum(sizes))})" for state, sizes in by_state.items() if sizes]
    return f"{' · '.join(parts)}: {there.url} ({'public' if public else 'private'})"
