"""A repository on the Hub: asked with patience, and what it refuses with is one sentence that never holds the token."""

import re
import sys
from collections.abc import Callable, Iterable
from glob import escape
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from pipeline.publish import PushError
from pipeline.publish.contents import Kind

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

Answer = TypeVar("Answer")

TRIES = 4
"""Of one request, beside those of the client itself, which does not try every one again."""
PASSING = (408, 429, 500, 502, 503, 504)
"""What the Hub answers when it is busy."""


class Repo:
    """One repository by its name, `owner/name`. Every method raises PushError; `say` hears why it takes long."""

    def __init__(self, name: str, kind: Kind, say: Callable[[str], None]) -> None:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils.tqdm import disable_progress_bars

        if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
            raise PushError("A repository's name is written `owner/name`, as my-organization/my-dataset.")
        if not sys.stderr.isatty():
            disable_progress_bars()
        # The token is looked up for every request: a login that nears its end is renewed.
        self._api, self._say, self.name, self.kind = HfApi(token=True), say, name, kind
        if get_token() is None:
            raise PushError(
                f"There is no token for {self._api.endpoint}. "
                "Log in with `hf auth login`, or set HF_TOKEN to one that may write."
            )

    @property
    def url(self) -> str:
        return f"{self._api.endpoint}/{'datasets/' if self.kind == 'dataset' else ''}{self.name}"

    def is_public(self) -> bool | None:
        """Whether everybody can read it; None if it is not there."""
        from huggingface_hub.errors import RepositoryNotFoundError

        def ask() -> bool | None:
            try:
                return not self._api.repo_info(self.name, repo_type=self.kind).private
            except RepositoryNotFoundError:
                return None

        return self._patiently(ask)

    def files(self) -> "dict[str, RepoFile]":
        """What is there, by name, with sizes and hashes."""
        from huggingface_hub.hf_api import RepoFile

        def ask() -> "dict[str, RepoFile]":
            tree = self._api.list_repo_tree(self.name, recursive=True, repo_type=self.kind)
            return {one.path: one for one in tree if isinstance(one, RepoFile)}

        return self._patiently(ask)

    def create(self) -> None:
        """Make it, readable by its owners alone, if it is not there."""
        self._patiently(lambda: self._api.create_repo(self.name, private=True, repo_type=self.kind, exist_ok=True))

    def send(self, folder: Path, gone: Iterable[str], message: str) -> None:
        """Send all files of a folder, and remove those that are gone. What arrived before is not sent again."""
        from huggingface_hub import CommitInfo

        def ask() -> CommitInfo:
            return self._api.upload_folder(
                repo_id=self.name,
                folder_path=folder,
                repo_type=self.kind,
                commit_message=message,
                delete_patterns=[escape(name) for name in gone] or None,
            )

        self._patiently(ask)

    def open(self) -> None:
        """Let everybody read it."""
        self._patiently(lambda: self._api.update_repo_settings(self.name, private=False, repo_type=self.kind))

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """What the Hub answers, asked again while it is busy; all that is asked here may be asked twice."""
        from httpx2 import HTTPError

        def tell(state: RetryCallState) -> None:
            self._say(f"{self._api.endpoint} is busy or out of reach; asking again in {state.upcoming_sleep:.0f} s")

        trying = Retrying(
            retry=retry_if_exception(_passes),
            wait=_pause,
            stop=stop_after_attempt(TRIES),
            before_sleep=tell,
            reraise=True,
        )
        try:
            return trying(ask)
        # The families of all that huggingface_hub, its transport and hf_xet raise; nothing else is called in here.
        except (HTTPError, OSError, RuntimeError, ValueError) as error:
            # No chain of causes: one of them may quote a header.
            raise PushError(self._sentence(_root(error))) from None

    def _sentence(self, error: BaseException) -> str:
        from huggingface_hub import get_token

        status = _status(error)
        # hf_xet, which need not be installed, has a class of its own for it.
        if status == 401 or type(error).__name__ == "XetAuthenticationError":
            return (
                f"{self._api.endpoint} does not take the token: it has expired or was revoked. Log in again with "
                "`hf auth login`, or set HF_TOKEN anew, which goes before the login."
            )
        if status == 403:
            return (
                f"The token may not write to {self.name}. Make one that may at {self._api.endpoint}/settings/tokens, "
                "and log in with `hf auth login`."
            )
        said = getattr(error, "server_message", None) or str(error)
        why = " ".join(said.replace(get_token() or "\0", "…").split())[:300].rstrip(".")
        if _passes(error):
            return (
                f"{self._api.endpoint} cannot be reached or is too busy ({why}). "
                "Run the same command again later: what has arrived is not sent again."
            )
        remedy = " If it has no Xet storage, set HF_HUB_DISABLE_XET=1." if "xet-write-token" in why else ""
        return f"{self._api.endpoint} refused: {why}.{remedy}"


def _root(error: BaseException) -> BaseException:
    """What the Hub said: the client wraps it where it sends many files at once."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _passes(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment."""
    from httpx2 import NetworkError, RemoteProtocolError, TimeoutException

    error = _root(error)
    # A Hub in trouble answers with a page for people, where the client expects JSON.
    passing = (NetworkError, RemoteProtocolError, TimeoutException, JSONDecodeError)
    return isinstance(error, passing) or _status(error) in PASSING


def _status(error: BaseException) -> int | None:
    from huggingface_hub.errors import HfHubHTTPError

    return error.response.status_code if isinstance(error, HfHubHTTPError) else None


def _pause(state: RetryCallState) -> float:
    """Seconds to the next try: as long as the Hub asks for, else 1, 2, 4."""
    from huggingface_hub.errors import HfHubHTTPError

    error = _root(state.outcome.exception() or RuntimeError()) if state.outcome else None
    asked = error.response.headers.get("Retry-After", "") if isinstance(error, HfHubHTTPError) else ""
    return float(asked) if asked.isdigit() else 2.0 ** (state.attempt_number - 1)
