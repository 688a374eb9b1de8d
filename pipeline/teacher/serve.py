"""Running the local teacher's server in this process until it is told to stop."""

import json
import os
import signal
import socket
import sys
import threading

from pipeline.teacher.server import TeacherConfig, application


def serve(config: TeacherConfig, port: int, with_parent: bool) -> None:
    """Serve on loopback; port 0 takes a free one. Prints one JSON line with the base URL, then serves."""
    import uvicorn

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    print(json.dumps({"base_url": f"http://127.0.0.1:{listener.getsockname()[1]}/v1"}), flush=True)
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = uvicorn.Config(application(config), log_level="warning", access_log=False)
    uvicorn.Server(settings).run(sockets=[listener])


def _end_with_parent() -> None:
    """Stop when the other end of standard input is gone: the parent has ended, in whatever way."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
