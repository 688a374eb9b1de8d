"""A Hub on loopback with one dataset: what `huggingface_hub` asks for, and nothing else."""

import hashlib
import sys
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(Starlette):
    """Serves the files of a folder as the dataset of this name, and keeps what was asked for."""

    def __init__(self, repository: str, folder: Path) -> None:
        self.folder = folder
        self.fetched: list[str] = []
        """Names of the files that were downloaded."""
        super().__init__(
            routes=[
                Route(f"/v1/api/datasets/{repository}/revision/main", self._info),
                Route(f"/v1/api/datasets/{repository}/tree/{COMMIT}", self._tree),
                Route(f"/v1/datasets/{repository}/resolve/{COMMIT}/{{name:path}}", self._file),
            ],
            exception_handlers={404: self._unknown},
        )

    def _info(self, _request: Request) -> Response:
        return JSONResponse({"id": "dataset", "sha": COMMIT})

    def _tree(self, _request: Request) -> Response:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return JSONResponse(
            [
                {
                    "type": "file",
                    "path": path.relative_to(self.folder).as_posix(),
                    "size": path.stat().st_size,
                    "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
                }
                for path in files
            ]
        )

    def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "GET":
            self.fetched.append(name)
        data = (self.folder / name).read_bytes()
        headers = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": COMMIT}
        return FileResponse(self.folder / name, headers=headers)

    async def _unknown(self, _request: Request, _error: Exception) -> Response:
        return JSONResponse({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})


def main() -> None:
    """Loads each benchmark that a line of input configures: the ids of its questions, or the error's sentence."""
    import pipeline.evaluation.benchmarks  # noqa: F401
    from pipeline.evaluation.errors import EvaluationError
    from pipeline.evaluation.items import BENCHMARKS, BenchmarkConfig

    for line in sys.stdin:
        config = BenchmarkConfig.model_validate_json(line)
        try:
            print(" ".join(item.example.id for item in BENCHMARKS[config.name](config)), flush=True)
        except EvaluationError as error:
            print(f"error: {error}", flush=True)


if __name__ == "__main__":
    main()
