"""An S3 server on loopback (moto's), with a bucket; it can be told to fail now and then."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from unittest.mock import patch

from tests.children import Child, child

BUCKET = "cof"
FAULTS = (("500 Internal Server Error", "InternalError"), ("503 Service Unavailable", "SlowDown"))
Respond = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Bucket:
    """What a test and the runs it starts need to reach the bucket."""

    def __init__(self, server: Child) -> None:
        self._server = server
        self.environment = {
            "AWS_ENDPOINT_URL": server.told(),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def address(self, name: str) -> str:
        return f"s3://{BUCKET}/{name}"

    def fail(self, every: int) -> int:
        """From now on let one of so many requests fail, none if 0; how many failed before."""
        return int(self._server.do(every))


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A bucket while the block runs, which this process reaches too."""
    with child("s3") as server:
        made = Bucket(server)
        with patch.dict(os.environ, made.environment):
            yield made


class Flaky:
    """A WSGI application before another one, which does not always let requests through."""

    def __init__(self, app: Respond) -> None:
        self._app = app
        self.every = self.failed = self._seen = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._seen += 1
        if not self.every or self._seen % self.every:
            return self._app(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code = FAULTS[self.failed % len(FAULTS)]
        self.failed += 1
        start_response(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>Please try again.</Message></Error>".encode()]


def main() -> None:
    import logging

    import boto3
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Flaky(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.port}"
    known: Any = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **known).create_bucket(Bucket=BUCKET)
    print(url, flush=True)
    for line in sys.stdin:
        app.every = int(line)
        print(app.failed, flush=True)


if __name__ == "__main__":
    main()
