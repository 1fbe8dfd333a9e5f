"""A real nginx in front of a server, where the machine has one. For tests only."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.readme import blocks, section

# What the README tells administrators to write.
(GOOD,) = blocks(section("For administrators"), "nginx")
# nginx as it comes: HTTP/1.0 to the server, requests of 1 MB at most, and answers collected where the server does not
# ask it not to. The relay asks; the one line makes nginx deaf to it, as some companies' central settings do.
DEFAULT = ""
DEAF = "proxy_ignore_headers X-Accel-Buffering;\n"

CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{to};
            proxy_set_header Host $http_host;
        }}
        {settings}
    }}
}}
"""


def binary() -> str | None:
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))


@contextmanager
def running(folder: Path, to: int, settings: str) -> Iterator[int]:
    """nginx in front of the port `to`, whichever one the settings name; yields the port on which it listens."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = folder / "nginx.conf"
    settings = re.sub(r"(?<=proxy_pass http://)[^;/]+", f"127.0.0.1:{to}", settings)
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, to=to, settings=settings), encoding="utf-8")
    process = subprocess.Popen([str(binary()), "-e", str(folder / "error.log"), "-c", str(configuration)])
    try:
        wait_until_it_listens(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("nginx did not start")
