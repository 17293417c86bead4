"""A server of S3 in a process of its own, which records its requests and can hold one of them.

``python -m tests.release.s3_server PORT FOLDER``: ``FOLDER/requests`` gets a line for each request. While
``FOLDER/hold`` exists, a request of its method waits whose path contains its text: ``PUT ledger.parquet``.
"""

import sys
import threading
import time
from pathlib import Path

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple


class Watched:
    def __init__(self, application, folder: Path) -> None:
        self._application, self._folder, self._lock = application, folder, threading.Lock()

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with self._lock, (self._folder / "requests").open("a") as record:
            record.write(f"{method} {path}\n")
        while self._is_held(method, path):
            time.sleep(0.02)
        return self._application(environ, start_response)

    def _is_held(self, method: str, path: str) -> bool:
        try:
            verb, part = (self._folder / "hold").read_text().split()
        except (FileNotFoundError, ValueError):
            return False
        return method == verb and part in path


if __name__ == "__main__":
    port, folder = sys.argv[1:]
    application = Watched(DomainDispatcherApplication(create_backend_app), Path(folder))
    run_simple("127.0.0.1", int(port), application, threaded=True, request_handler=MotoRequestHandler)
