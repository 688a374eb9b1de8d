"""The stages that make Chain-of-Focus data, the runner, the exports and the command line."""

from pathlib import Path

import agents

_ours = Path(__file__).resolve().parent.parent / "agents"
if Path(agents.__file__ or "").resolve().parent != _ours:
    raise ImportError(
        f"Another package called 'agents' ({agents.__file__}) hides this project's. "
        "Run from the repository's folder, or uninstall the other package."
    )
