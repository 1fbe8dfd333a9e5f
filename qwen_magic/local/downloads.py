"""Downloads a model's files from Hugging Face or ModelScope: nothing is fetched twice, and nothing false is kept.

A file that is not whole has `.part` behind its name, and goes on where it stopped, also from the other hub. Two
kernels that want the same model share one download. Not for choosing a model: that is `catalogue`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urljoin

from ..errors import ConfigurationError, ConnectionFailed, NotTheService, StreamError
from ..transport import Response, Timeouts, Transport
from .catalogue import File, Model, size
from .dialogue import Progress
from .folders import VARIABLE, models
from .locks import locked

__all__ = ["download", "hubs", "is_here", "weights_of"]

# A hub that does not answer soon is left for the other one, and one that falls silent is asked again: seconds.
TIMEOUTS = Timeouts(connect=6.0, idle=30.0)
# So often a hub may bring nothing new before it is given up.
ATTEMPTS = 4
REDIRECTS = 5
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
START = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def hubs(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The URLs of a file at the hubs, with `{repository}` and `{file}` to be put in; the one to ask first is first.

    HF_ENDPOINT and MODELSCOPE_DOMAIN name mirrors, as for the hubs' own clients (huggingface_hub's `constants.py`,
    modelscope's `hub/utils/utils.py`); whoever sets one wants to be served by it.
    """
    domain = environment.get("MODELSCOPE_DOMAIN", "")
    scope = (domain if "://" in domain else f"https://{domain or 'www.modelscope.cn'}").rstrip("/")
    face = environment.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
    urls = (
        face + "/{repository}/resolve/main/{file}",
        scope + "/api/v1/models/{repository}/repo?Revision=master&FilePath={file}",
    )
    return urls[::-1] if domain and not environment.get("HF_ENDPOINT") else urls


def is_here(model: Model) -> bool:
    """Whether the model was downloaded before."""
    return all(whole(folder_of(model) / file.name, file) for file in model.files)


def download(model: Model, progress: Progress, at: Sequence[str] | None = None) -> None:
    """Get what is missing of the model's files, from the hubs `at` these URLs (see `hubs`).

    Raises `ConnectionFailed` where no hub can be reached, `NotTheService` where what came is not the model, and
    `ConfigurationError` for a full disk.
    """
    folder = folder_of(model)
    with on_disk(folder, model), locked(folder / ".lock", lambda: progress(arrived(model), model.bytes)):
        missing = model.bytes - arrived(model)
        if shutil.disk_usage(folder).free < missing:
            raise OSError(errno.ENOSPC, "")
        transport = Transport(TIMEOUTS)
        try:
            for file in model.files:
                if not whole(folder / file.name, file):
                    fetch(model, file, transport, hubs() if at is None else at, progress)
        finally:
            transport.close()
        progress(model.bytes, model.bytes)


def weights_of(model: Model) -> Path:
    """Where the model's weights are, or will be; its other files lie beside them."""
    return folder_of(model) / model.files[0].name


def folder_of(model: Model) -> Path:
    return models() / model.repository.rpartition("/")[2]


def part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def whole(path: Path, file: File) -> bool:
    return bytes_in(path) == file.bytes


def bytes_in(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def arrived(model: Model) -> int:
    """How many of the model's bytes are on the disk."""
    paths = (folder_of(model) / file.name for file in model.files)
    return sum(bytes_in(path) or bytes_in(part_of(path)) for path in paths)


def fetch(model: Model, file: File, transport: Transport, at: Sequence[str], progress: Progress) -> None:
    """Get one file, from the first hub that has it, check it, and give it its name."""
    path = folder_of(model) / file.name
    part = part_of(path)
    failures = []
    for hub in at:
        url = hub.format(repository=model.repository, file=quote(file.name))
        try:
            complete(part, file, transport, url, lambda: progress(arrived(model), model.bytes))
            break
        except (ConnectionFailed, StreamError) as error:
            failures.append(error.happened)
    else:
        raise ConnectionFailed(
            f"{file.name} could not be downloaded. {' '.join(failures)}",
            "What has arrived is kept: run this again when there is a network. HF_ENDPOINT and MODELSCOPE_DOMAIN name "
            "mirrors; %qwen use local:FILE.gguf takes a file of your own.",
        )
    with part.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() == file.sha256:
            os.replace(part, path)
            return
    part.unlink()
    raise NotTheService(
        f"What came is not {file.name} as Qwen published it: its checksum is wrong, and it was thrown away.",
        "Run this again, or name another hub: HF_ENDPOINT or MODELSCOPE_DOMAIN in the environment.",
    )


def complete(part: Path, file: File, transport: Transport, url: str, told: Callable[[], None]) -> None:
    """Bring `part` to its full size, with as many connections as it takes as long as each brings something."""
    fruitless, begun = 0, False
    while (had := bytes_in(part)) != file.bytes:
        failure: ConnectionFailed | StreamError | None = None
        try:
            append(part, file, transport, url, told)
        except (ConnectionFailed, StreamError) as error:
            failure = error
        fresh = bytes_in(part) > had
        begun, fruitless = begun or fresh, 0 if fresh else fruitless + 1
        if failure and not failure.transient and not isinstance(failure, StreamError):
            raise failure
        if fruitless >= (ATTEMPTS if begun else 1):
            raise failure or NotTheService(f"{url} brought nothing.")
        time.sleep(fruitless)


def append(part: Path, file: File, transport: Transport, url: str, told: Callable[[], None]) -> None:
    """Ask for what is missing of `part`, and write what comes as it comes."""
    had = bytes_in(part) if bytes_in(part) < file.bytes else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
    with following(transport, url, headers) as response:
        start = start_of(response, file, url)
        with part.open("r+b" if start else "wb") as content:
            content.seek(start)
            for chunk in response.chunks():
                if content.tell() + len(chunk) > file.bytes:
                    raise NotTheService(f"{url} is longer than {file.name} should be.")
                content.write(chunk)
                content.flush()
                told()


def start_of(response: Response, file: File, url: str) -> int:
    """Where in the file the response begins. Raises `NotTheService` where it is not this file."""
    span = START.match(response.headers.get("content-range", "")) if response.status == 206 else None
    length = span[2] if span else response.headers.get("content-length")
    if response.status not in (200, 206):
        raise NotTheService(f"{url} answered with status {response.status}.")
    if length not in (None, "*", str(file.bytes)):
        raise NotTheService(f"{url} is not {file.name}: it has {length} bytes.")
    return int(span[1]) if span else 0


@contextmanager
def following(transport: Transport, url: str, headers: Mapping[str, str]) -> Iterator[Response]:
    """The response to a GET, wherever hubs send us: they keep large files elsewhere. Carries no key."""
    for _ in range(REDIRECTS):
        with transport.connection(url) as connection, connection.send("GET", url, headers=headers) as response:
            if not response.redirect:
                yield response
                return
            elsewhere = urljoin(url, response.redirect)
        if url.startswith("https:") and not elsewhere.startswith("https:"):
            raise NotTheService(f"{url} sends us to {elsewhere}, which is not secure.")
        url = elsewhere
    raise NotTheService(f"{url} sends us round in circles.")


@contextmanager
def on_disk(folder: Path, model: Model) -> Iterator[None]:
    """The file system's refusals as ours."""
    remedy = f"Or set {VARIABLE} to a folder on another disk. What has arrived is kept."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise ConfigurationError(f"{folder} cannot be written ({error.strerror}).", remedy) from error
        free = size(shutil.disk_usage(folder).free)
        raise ConfigurationError(
            f"The disk is full: {model.name} needs {size(model.bytes)}, and {free} are free in {folder}.",
            f"Make room, or name a smaller model (%qwen use local:NAME). {remedy}",
        ) from error
