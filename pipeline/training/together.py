"""Processes of one core each, side by side on one machine: a pool of them, and several that train one model."""

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

LIBRARIES = ("trl.trainer.sft_trainer", "pipeline.training.sft", "pipeline.training.tiny")
"""What every process of a pool needs, as modules."""


def is_first() -> bool:
    """Whether this process writes what those that train one model have in common; true where there is no other."""
    return int(os.environ.get("RANK", "0")) == 0


def how_many() -> int:
    """Processes that train one model; 1 where there is no other."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def together(many: int, train: Callable[..., None], *what: object) -> None:
    """Let so many processes train one model, each on its share of every batch; raises what ended one of them."""
    port = _free_port()
    with pool_of(many) as pool:
        shares = [pool.submit(_share, rank, many, port, train, what) for rank in range(many)]
        errors = [error for share in shares if (error := share.exception())]
    if errors:  # Who is left alone by another fails as well, and does not know why.
        raise min(errors, key=lambda error: isinstance(error, RuntimeError))


def _share(rank: int, many: int, port: int, train: Callable[..., None], what: tuple[object, ...]) -> None:
    """What one of them does, under the names that trainers go by."""
    from torch import distributed

    who = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": many, "LOCAL_WORLD_SIZE": many, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in who.items()}, MASTER_ADDR="127.0.0.1")
    try:
        train(*what)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()  # The others wait for nothing of this one any more.


def _free_port() -> int:
    """A port of this machine where they can meet."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def pool_of(workers: int) -> Iterator[Executor]:
    """Processes of their own, one thread each: small matrices gain nothing from more, and lose much."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Forked from one that has loaded the libraries, which takes ten seconds, and done nothing yet.
    context = get_context("forkserver")
    context.set_forkserver_preload([*LIBRARIES])
    with ProcessPoolExecutor(workers, context, initializer=one_thread) as pool:
        yield pool


def one_thread() -> None:
    """What a process of the pool begins with."""
    import multiprocessing
    import threading

    import torch

    from pipeline.training.sft import quiet

    torch.set_num_threads(1)
    # Its own helpers, which make batches ahead, need not load everything anew.
    multiprocessing.set_start_method("fork", force=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quiet()


def _end_with_parent() -> None:
    """An arm in training does not outlive the run, however that ended."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
