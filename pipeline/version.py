"""Which code made a run."""

import hashlib
from functools import cache
from pathlib import Path


@cache
def code_version() -> str:
    """A short SHA-256 of the source of the three packages: the same code gives the same version, anywhere."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in ("prompts", "agents", "pipeline"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
