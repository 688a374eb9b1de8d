"""Whole runs of the command line in processes of their own, and a teacher that can be stopped in mid-answer."""

import base64
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from pipeline.stages import STAGES
from pipeline.store import Store
from tests.drawn import draw
from tests.scripted import Body, Response, Script, calls, fault, fills, form_of, listening, pictures_of, says, texts_of

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300.0
"""Seconds after which something that was waited for will not come, even on a machine that does much else."""
NEAR = [256, 176, 384, 304]
FAR = [20, 20, 120, 120]
SIZE = (640, 480)
TINT = 40
"""Photos are told apart by their blue, in steps of this."""

REQUESTS = 87
"""Of a whole run on three photos: 1 to propose, 3 times 6 to screen, 7 to search and 3 to summarize, for each."""

Question = tuple[str, str, str, list[int]]
QUESTIONS: tuple[Question, ...] = (
    ("colour", "What colour is the board in the middle?", "red", NEAR),
    ("text", "What is written in the upper left corner?", "BAKERY", FAR),
    ("count", "How many lamps are there in the lower right corner?", "7", [500, 340, 620, 460]),
)
"""Kind, question, answer, evidence. The first is answered at a glance, the others need a closer look."""


class Oracle:
    """A teacher that knows the answers, and says them as a function of the request alone.

    It can be told to stop in the middle, so that a test finds a run at a known place, with nothing on its way.
    """

    def __init__(self) -> None:
        self.answered: list[str] = []
        """The hash of each request that was answered, in order."""
        self.silent = threading.Event()
        """Set once a request is kept waiting; from then on all are."""
        self._speaks = threading.Event()
        self._speaks.set()
        self._lock = threading.Lock()
        self._stop: Callable[[Body], bool] = lambda _: False
        self._more = 0
        self._dumb: int | None = None

    def stop(self, at: Callable[[Body], bool], after: int = 0) -> None:
        """Fall silent at such a request, when so many of them have been answered."""
        self._stop, self._more = at, after

    def dumb_about(self, number: int | None) -> None:
        """Have nothing to ask about the photo of this number."""
        self._dumb = number

    def go_on(self) -> None:
        """Speak again; those that were kept waiting are told to ask once more, if they are still there."""
        with self._lock:
            self._stop = lambda _: False
            self.silent.clear()
            self._speaks.set()

    def __call__(self, body: Body) -> Response:
        with self._lock:
            if self._may_speak(body):
                self.answered.append(hashlib.sha256(json.dumps(body).encode()).hexdigest())
                return self._say(body)
        self._speaks.wait(PATIENCE)
        return fault(503, "ask again")

    def _say(self, body: Body) -> Response:
        if form_of(body) == "Proposed" and self._dumb is not None and _number(body) == self._dumb:
            return fills({"tasks": []})
        return _ANSWERS[form_of(body)](body)

    def _may_speak(self, body: Body) -> bool:
        if not self._speaks.is_set():
            return False
        if self._stop(body):
            self._more -= 1
            if self._more < 0:
                self._speaks.clear()
                self.silent.set()
                return False
        return True


def _asked(body: Body) -> Question:
    text = "\n".join(texts_of(body))
    return next(one for one in QUESTIONS if one[1] in text)


def _propose(body: Body) -> Response:
    wrong = {"red": ["blue", "green"], "BAKERY": ["BUTCHER"], "7": ["5"]}
    marked = _marked(pictures_of(body)[0])
    tasks = [
        {
            "kind": kind,
            "question": question,
            "answer": answer,
            "wrong": wrong[answer],
            "evidence": [marked if marked and answer == "red" else evidence],
        }
        for kind, question, answer, evidence in QUESTIONS
    ]
    return fills({"tasks": tasks})


def _marked(url: str) -> list[int]:
    """The box of what is magenta in a picture; empty if nothing is."""
    with picture(url) as image:
        red, green, blue = image.convert("RGB").split()
    found = ImageChops.subtract(ImageChops.darker(red, blue), green).point(lambda value: 255 if value > 180 else 0)
    return list(found.getbbox() or ())


def _answer(body: Body) -> Response:
    kind, _, answer, _ = _asked(body)
    sizes = [picture(url).size for url in pictures_of(body)]
    # Crops of the evidence are square; the whole photo is not.
    near = any(abs(width - height) <= 28 for width, height in sizes)
    seen = near or bool(sizes and kind == "colour")
    return fills({"answer": answer if seen else None, "note": ""})


def picture(url: str) -> Image.Image:
    """The picture that a data URL holds."""
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def _number(body: Body) -> int:
    """Which photo it is: its tint tells."""
    with picture(pictures_of(body)[0]) as image:
        pixel = image.getpixel((5, 5))
    assert isinstance(pixel, tuple)
    return round(pixel[2] / TINT)


def _search(body: Body) -> Response:
    kind, _, answer, evidence = _asked(body)
    turns = sum(message["role"] == "assistant" for message in body["messages"])
    moves = [
        calls("crop", {"box": [200, 20, 300, 120]}, "Nothing can be made out; I look at the top first."),
        calls("zoom", {"box": evidence}, "It is not there; I look at the corner."),
    ]
    steps = [] if kind == "colour" else moves
    return steps[turns] if turns < len(steps) else says(f"Now I see it. <answer>{answer}</answer>")


def _summarize(body: Body) -> Response:
    looks = [] if _asked(body)[0] == "colour" else [{"number": 2, "thought": "Too small; I go closer to the corner."}]
    return fills({"looks": looks, "last": "Now it is plain to see."})


_ANSWERS: dict[str, Callable[[Body], Response]] = {
    "Proposed": _propose,
    "Answered": _answer,
    "Unique": lambda _: fills({"things": 1, "note": ""}),
    "Judged": lambda _: fills({"correct": False, "hint": "Look again."}),
    "Summarized": _summarize,
    "": _search,
}


@contextmanager
def oracle() -> Iterator[tuple[Oracle, Script]]:
    """An oracle that listens while the block runs, and the script that notes what it is asked."""
    teacher = Oracle()
    with listening(Script(teacher)) as script:
        try:
            yield teacher, script
        finally:
            teacher.go_on()


def photos(folder: Path, count: int = 3) -> Path:
    """A folder of photos that the oracle knows."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        draw(folder / f"{number}.jpg", *SIZE, seed=TINT * number)
    return folder


def asking(url: str, out: Path | str, images: Path | str, *more: str) -> list[str]:
    """Arguments of a run on a folder of photos whose teacher is at `url`, asked without patience."""
    teacher = [f"teacher.base_url={url}", "teacher.local=false", "teacher.model=oracle", "teacher.tries=2"]
    patience = [
        "teacher.max_wait_seconds=0.05",
        "teacher.patience_seconds=0",
        "teacher.abilities={oracle: {}}",
        "propose.resolutions={'224': 1}",
    ]
    return ["synthesize", f"out={out}", f"sample.images={images}", "sample.count=null", *teacher, *patience, *more]


def screening(body: Body) -> bool:
    """A request in the middle of trying a task out."""
    return form_of(body) == "Unique"


def searching(body: Body) -> bool:
    """One in the middle of a trajectory."""
    return not form_of(body) and any(message["role"] == "assistant" for message in body["messages"])


def summarizing(body: Body) -> bool:
    """One for a summary."""
    return form_of(body) == "Summarized"


class Run:
    """A command of ours in a process of its own; it never outlives the block."""

    def __init__(
        self, arguments: Iterable[str], module: str = "pipeline", cwd: Path = ROOT, **environment: str
    ) -> None:
        ours = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", "PYTHONPATH": str(ROOT)}
        env = {**os.environ, **ours, **environment}
        command = [sys.executable, "-m", module, *map(str, arguments)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd=cwd, env=env, text=True, start_new_session=True, **pipes)
        self.started = time.monotonic()

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self, seconds: float = PATIENCE) -> "Ended":
        """Wait for it; raises subprocess.TimeoutExpired."""
        out, err = self.process.communicate(timeout=seconds)
        return Ended(self.process.returncode, out, err, time.monotonic() - self.started)

    def kill(self) -> set[int]:
        """End it at once, as `kill -9` does; gives the processes it had started."""
        family = descendants(self.pid)
        self.process.kill()
        self.process.communicate()
        return family

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal sends it: to all processes in the foreground."""
        os.killpg(self.pid, signal.SIGINT)


class Ended:
    """What a command came to."""

    def __init__(self, code: int, out: str, err: str, seconds: float) -> None:
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def __repr__(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def cof(*arguments: Any, module: str = "pipeline", **environment: str) -> Ended:
    """Run a command to its end."""
    with Run(map(str, arguments), module, ROOT, **environment) as run:
        return run.end()


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition; fails when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:g} s"
        time.sleep(0.02)


def descendants(pid: int) -> set[int]:
    """All processes below one, whatever session they are in."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        if fields := _stat(int(stat.parent.name)):
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = [child for child in children.get(waiting.pop(), []) if child not in found]
        found.update(below)
        waiting += below
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that still run; a zombie that nobody has buried does not."""
    return {pid for pid in pids if (fields := _stat(pid)) and fields[0] not in "ZX"}


def called(pids: Iterable[int], name: str) -> list[int]:
    """Those whose command line begins with a name."""
    return [pid for pid in pids if _command(pid).startswith(name)]


def _stat(pid: int) -> list[str] | None:
    """State, parent and so on, as /proc has them after the name; None if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def files(folder: Path, *parts: str) -> dict[str, str]:
    """Every file below the named parts of a folder (or all of it), and the hash of what it holds."""
    roots = [folder / part for part in parts] or [folder]
    paths = (path for root in roots for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def calls_of(folder: Path) -> dict[str, list[str]]:
    """The keys of all answered requests, by file of the call log; a torn last line does not count."""
    found = {}
    for path in sorted((folder / "calls").rglob("*.jsonl")):
        lines = path.read_bytes().splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith(b"\n") and line.strip()]
        found[str(path.relative_to(folder))] = [line["key"] for line in whole]
    return found


def count_of(folder: Path) -> int:
    """How many requests are in the call log."""
    return sum(map(len, calls_of(folder).values()))


def summary_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def keys_of(store: Store) -> list[str]:
    """The keys of all answered requests of a run, here or behind a URI."""
    return sorted(line["key"] for stage in STAGES for line in store.calls(stage.name))


def rejects_of(folder: Path, stage: str) -> dict[str, dict[str, Any]]:
    """The rejects of a stage, by the name of the photo."""
    found = [json.loads(path.read_text()) for path in (folder / "rejected" / stage).rglob("*.json")]
    return {reject["evidence"]["photo"]: reject for reject in found}
