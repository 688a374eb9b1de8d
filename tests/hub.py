"""A Hugging Face Hub on loopback: repositories and their commits, LFS storage, tokens, and a door that may be faulty.

It speaks what the real client calls: create, settings, info, tree, preupload, LFS batch, commit, resolve.
"""

import base64
import hashlib
import json
import os
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.door import Door
from tests.served import serving

TOKEN, READER, EXPIRED = "hf_WritesAnything", "hf_OnlyReads", "hf_ExpiredLastYear"
PAGE = 4
"""Entries of a tree that come at once; few, so that every listing has several pages."""
REGULAR_BYTES = 10 * 2**20
"""Larger files go to LFS whatever they hold."""


class Blob(NamedTuple):
    """A file of a repository."""

    data: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def git(self) -> str:
        """The git hash: of the content, or of the pointer that stands for it."""
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n"
        content = pointer.encode() if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git


class Repo:
    """One repository: its newest files, and the names of its commits."""

    def __init__(self, private: bool) -> None:
        self.private = private
        self.files: dict[str, Blob] = {}
        self.commits: list[str] = []
        self.commit("initial commit", {".gitattributes": Blob(b"*.parquet filter=lfs\n", lfs=False)})

    def commit(self, summary: str, files: dict[str, Blob]) -> str:
        """Have other files from now on; gives the commit's name."""
        self.files = files
        self.commits.append(hashlib.sha1(f"{len(self.commits)} {summary}".encode()).hexdigest())
        return self.commits[-1]


class Refusal(Exception):
    """An answer that is an error, worded as the Hub words it."""

    def __init__(self, status: int, message: str, code: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **named}


class Hub:
    """What the Hub holds."""

    def __init__(self) -> None:
        self.url = ""
        self.door = Door(self._application())
        self.repos: dict[tuple[str, str], Repo] = {}
        """By kind (`datasets`, `models`) and id."""
        self.objects: dict[str, bytes] = {}
        """The LFS storage, by SHA-256."""
        self.sent: list[str] = []
        """The SHA-256 of each object that came whole, in order."""
        self.environment: dict[str, str] = {}
        """Of a process that speaks to it."""

    def dataset(self, name: str) -> Repo:
        return self.repos["datasets", name]

    def model(self, name: str) -> Repo:
        return self.repos["models", name]

    def hold(self, name: str, folder: Path) -> None:
        """Have the files of a folder as a public dataset."""
        repo = self.repos["datasets", name] = Repo(private=False)
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        repo.commit("published", {path: Blob(file.read_bytes(), lfs=False) for path, file in files.items()})

    async def create(self, request: Request) -> Response:
        _authorized(request, writes=True)
        asked = await request.json()
        name, kind = f"{asked['organization']}/{asked['name']}", f"{asked.get('type', 'model')}s"
        told = {"url": f"{self.url}/{'' if kind == 'models' else 'datasets/'}{name}"}
        if (kind, name) in self.repos:
            return JSONResponse({**told, "error": "You already created this repo"}, 409)
        self.repos[kind, name] = Repo(asked.get("visibility") == "private")
        return JSONResponse(told)

    async def settings(self, request: Request) -> Response:
        self._repo(request, writes=True).private = (await request.json())["visibility"] == "private"
        return JSONResponse({})

    async def validate(self, request: Request) -> Response:
        """Whether a card has metadata at its head."""
        if not (await request.json())["content"].startswith("---\n"):
            return JSONResponse({"errors": [{"message": "there is no metadata"}], "warnings": []}, 400)
        return JSONResponse({"errors": [], "warnings": []})

    async def info(self, request: Request) -> Response:
        repo = self._repo(request)
        siblings = [{"rfilename": path} for path in sorted(repo.files)]
        told = {"id": _name(request), "private": repo.private, "sha": repo.commits[-1], "siblings": siblings}
        return JSONResponse({**told, "tags": [], "gated": False})

    async def tree(self, request: Request) -> Response:
        """The files and folders below a path, a page at a time."""
        repo, below = self._repo(request), request.path_params.get("path", "")
        start = f"{below}/" if below else ""
        found = {path: _entry(path, blob) for path, blob in repo.files.items() if path.startswith(start)}
        if below and not found:
            raise Refusal(404, f"{below} does not exist on main", "EntryNotFound")
        folders = {parent for path in found for parent in _parents(path) if parent.startswith(start)}
        found |= {path: {"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in folders}
        if request.query_params.get("recursive", "false").lower() != "true":
            found = {path: entry for path, entry in found.items() if "/" not in path.removeprefix(start)}
        first = int(request.query_params.get("cursor", 0))
        link = f'<{request.url.include_query_params(cursor=first + PAGE)}>; rel="next"'
        entries = [found[path] for path in sorted(found)]
        more = {"Link": link} if first + PAGE < len(entries) else {}
        return JSONResponse(entries[first : first + PAGE], headers=more)

    async def preupload(self, request: Request) -> Response:
        """Which files go into the commit itself and which to LFS, and what is there of each."""
        repo = self._repo(request, writes=True)
        told = []
        for file in (await request.json())["files"]:
            known = repo.files.get(file["path"])
            regular = file["size"] <= REGULAR_BYTES and _is_text(base64.b64decode(file["sample"]))
            mode, oid = "regular" if regular else "lfs", known.etag if known else None
            told.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return JSONResponse({"files": told})

    async def batch(self, request: Request) -> Response:
        """Where to send the objects that are not in the storage yet."""
        self._repo(request, writes=True)
        told = []
        for one in (await request.json())["objects"]:
            actions = {"upload": {"href": f"{self.url}/objects/{one['oid']}"}}
            told.append({**one, **({} if one["oid"] in self.objects else {"actions": actions})})
        return JSONResponse({"transfer": "basic", "objects": told})

    async def store(self, request: Request) -> Response:
        """Take an object. No token is asked for: its address is signed, as that of a storage beside the Hub."""
        data, oid = await request.body(), request.path_params["oid"]
        if hashlib.sha256(data).hexdigest() != oid:
            raise Refusal(400, "the object is not what its address says")
        self.objects[oid] = data
        self.sent.append(oid)
        return Response()

    async def commit(self, request: Request) -> Response:
        repo = self._repo(request, writes=True)
        files, summary = dict(repo.files), ""
        for line in (await request.body()).splitlines():
            key, value = json.loads(line)["key"], json.loads(line)["value"]
            if key == "header":
                summary = value["summary"]
            elif key == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), lfs=False)
            elif key == "lfsFile" and value["oid"] in self.objects:
                files[value["path"]] = Blob(self.objects[value["oid"]], lfs=True)
            elif key == "deletedFile" and value["path"] in files:
                del files[value["path"]]
            else:
                raise Refusal(400, f"{key} cannot be committed: {value.get('path')}")
        oid = repo.commit(summary, files)
        return JSONResponse({"commitUrl": f"{self.url}/{_name(request)}/commit/{oid}", "commitOid": oid})

    async def resolve(self, request: Request) -> Response:
        repo, path = self._repo(request), request.path_params["path"]
        if path not in repo.files:
            raise Refusal(404, "Entry not found", "EntryNotFound", X_Repo_Commit=repo.commits[-1])
        blob = repo.files[path]
        return Response(blob.data, headers={"ETag": f'"{blob.etag}"', "X-Repo-Commit": repo.commits[-1]})

    def _repo(self, request: Request, writes: bool = False) -> Repo:
        """The repository that a request is about, if it may know of it."""
        token = _authorized(request, writes)
        repo = self.repos.get((_kind(request), _name(request)))
        if repo is None or (repo.private and not token):
            raise Refusal(404 if token else 401, "Repository not found", "RepoNotFound")
        if request.path_params.get("revision", "main") not in ("main", *repo.commits):
            raise Refusal(404, "Invalid rev id", "RevisionNotFound")
        return repo

    def _application(self) -> Starlette:
        routes = [
            Route("/api/repos/create", self.create, methods=["POST"]),
            Route("/api/validate-yaml", self.validate, methods=["POST"]),
            Route("/objects/{oid}", self.store, methods=["PUT"]),
        ]
        for kind, prefix in (("datasets", "/datasets"), ("models", "")):
            api, git = f"/api/{kind}/{{owner}}/{{name}}", f"{prefix}/{{owner}}/{{name}}.git"
            routes += [
                Route(api, self.info),
                Route(f"{api}/revision/{{revision}}", self.info),
                Route(f"{api}/tree/{{revision}}", self.tree),
                Route(f"{api}/tree/{{revision}}/{{path:path}}", self.tree),
                Route(f"{api}/preupload/{{revision}}", self.preupload, methods=["POST"]),
                Route(f"{api}/commit/{{revision}}", self.commit, methods=["POST"]),
                Route(f"{api}/settings", self.settings, methods=["PUT"]),
                Route(f"{git}/info/lfs/objects/batch", self.batch, methods=["POST"]),
                Route(f"{prefix}/{{owner}}/{{name}}/resolve/{{revision}}/{{path:path}}", self.resolve),
            ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refuse})


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return JSONResponse({"error": error.message}, error.status, error.headers)


def _authorized(request: Request, writes: bool) -> str:
    """The token of a request, empty if there is none."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token not in ("", TOKEN, READER):
        raise Refusal(401, "Invalid credentials in Authorization header")
    if writes and token != TOKEN:
        raise Refusal(403 if token else 401, "You don't have the rights to do this")
    return token


def _kind(request: Request) -> str:
    return "datasets" if request.url.path.startswith(("/datasets/", "/api/datasets/")) else "models"


def _name(request: Request) -> str:
    return f"{request.path_params['owner']}/{request.path_params['name']}"


def _entry(path: str, blob: Blob) -> dict[str, Any]:
    told = {"type": "file", "path": path, "size": len(blob.data), "oid": blob.git}
    lfs = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": 134}
    return {**told, "lfs": lfs} if blob.lfs else told


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _is_text(sample: bytes) -> bool:
    """Whether the beginning of a file is text; its last character may be cut."""
    try:
        return "\0" not in getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False


@contextmanager
def hub(home: Path) -> Iterator[Hub]:
    """A Hub while the block runs, which this process speaks to; others do so in its `environment`.

    `home`, which is made, is the folder of what the client keeps.
    """
    made = Hub()
    with serving(made.door) as url:
        made.url = url.removesuffix("/v1")
        home.mkdir()
        kept = {"HF_HOME": str(home), "TMPDIR": str(home)}
        made.environment.update(kept, HF_ENDPOINT=made.url, HF_HUB_DISABLE_XET="1", HF_TOKEN=TOKEN)
        # The client reads its environment once, when it is imported.
        constants: dict[str, Any] = {
            "ENDPOINT": made.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": f"{made.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_DISABLE_TELEMETRY": True,
        }
        with (
            patch.multiple("huggingface_hub.constants", **constants),
            patch("huggingface_hub.hf_api.api.endpoint", made.url),
            patch.dict(os.environ, HF_TOKEN=TOKEN),
        ):
            yield made
