"""Running the local teacher's server in this process until it is told to stop."""

import json
import os
import signal
import sys
import threading

from pipeline.serving import serve as serve_application
from pipeline.teacher.server import TeacherConfig, application


def serve(config: TeacherConfig, port: int, with_parent: bool) -> None:
    """Serve on loopback; port 0 takes a free one. Prints one JSON line with the base URL, then serves."""
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    serve_application(application(config), port, lambda url: print(json.dumps({"base_url": url}), flush=True))


def _end_with_parent() -> None:
    """Stop when the other end of standard input is gone: the parent has ended, in whatever way."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
