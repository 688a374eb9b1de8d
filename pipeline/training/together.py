"""Several processes that train one model, as `accelerate launch` starts them: who writes."""

import os


def is_first() -> bool:
    """Whether this process writes what all of them have in common; true where there is no other."""
    return int(os.environ.get("RANK", "0")) == 0
