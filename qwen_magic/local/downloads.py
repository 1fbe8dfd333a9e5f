"""Downloads a model's files from Hugging Face or ModelScope; verifies their SHA-256 and never downloads a part twice.

An incomplete file has the suffix `.part`, and is continued where it stopped, also from the other hub. Two kernels that
need the same model share one download. Not for choosing a model (`catalogue`), nor for the hubs' responses
(`download_sources`).

Not huggingface_hub: it checks the size of a file and not its SHA-256, cannot continue a file that ModelScope began, and
adds 27 MB of packages (2.4, with hf-xet), while this module would still be needed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..core.errors import (
    ConfigurationError,
    ConnectionFailed,
    NoAnswer,
    NotTheService,
    QwenError,
    RateLimited,
    ServiceUnavailable,
    StreamError,
)
from ..core.sizes import readable_size
from ..core.translatable import _, sentences
from ..service.timeouts import Timeouts
from ..service.transport import Transport
from .cache_folders import VARIABLE, make, models, trusted
from .catalogue import File, LocalModel
from .download_sources import Wanted, hubs, opened
from .file_lock import locked
from .interaction import ReportProgress

__all__ = ["download", "is_here", "weights_of"]

# Seconds: a hub that does not connect is left for the other one; one that stops sending is asked again.
TIMEOUTS = Timeouts(connect=6.0, idle=30.0)
# Attempts without progress before a hub is abandoned, and rounds over all hubs.
ATTEMPTS = 4
# The longest wait that a hub may ask for, in seconds. Ours.
LONGEST_WAIT = 60.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The errors after which another hub, or the same one later, may still succeed.
TROUBLE = (ConnectionFailed, RateLimited, ServiceUnavailable, StreamError)


def is_here(model: LocalModel) -> bool:
    """Whether all files of the model have been downloaded."""
    return all(_whole(_folder_of(model) / file.name, file) for file in model.files)


def download(
    model: LocalModel, progress: ReportProgress, at: Sequence[str] | None = None, timeouts: Timeouts = TIMEOUTS
) -> None:
    """Download the missing files of a model.

    Args:
        model: a model of the catalogue.
        progress: called with the bytes that are on the disk, and the bytes of all files.
        at: URL templates of hubs (see `download_sources.hubs`); by default those of the environment.
        timeouts: for each request.

    Raises:
        ConnectionFailed: no hub can be reached.
        NotTheService: what a hub sent is not the model.
        ConfigurationError: the disk is full.
    """
    folder = _folder_of(model)
    with _on_disk(folder, model), locked(folder / ".lock", lambda: progress(_arrived(model), model.bytes)):
        missing = model.bytes - _arrived(model)
        if shutil.disk_usage(folder).free < missing:
            raise OSError(errno.ENOSPC, "")
        transport = Transport(timeouts)
        try:
            for file in model.files:
                if not _whole(folder / file.name, file):
                    _fetch(model, file, transport, hubs() if at is None else at, progress)
        finally:
            transport.close()
        progress(model.bytes, model.bytes)


def weights_of(model: LocalModel) -> Path:
    """The path of the model's weights, downloaded or not; its other files are in the same folder."""
    return _folder_of(model) / model.files[0].name


def _folder_of(model: LocalModel) -> Path:
    return trusted(models() / model.repository.rpartition("/")[2])


def _part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _whole(path: Path, file: File) -> bool:
    """Whether the file is complete. Raises `ConfigurationError` for one that another user may have written."""
    return _bytes_in(path) == file.bytes and bool(trusted(path))


def _bytes_in(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _arrived(model: LocalModel) -> int:
    """How many of the model's bytes are on the disk."""
    paths = (_folder_of(model) / file.name for file in model.files)
    return sum(_bytes_in(path) or _bytes_in(_part_of(path)) for path in paths)


def _fetch(model: LocalModel, file: File, transport: Transport, at: Sequence[str], progress: ReportProgress) -> None:
    """Download one file from the first hub that has it, verify it, and rename it from `.part`."""
    path = _folder_of(model) / file.name
    part = _part_of(path)
    wanted = [Wanted(hub, model.repository, file) for hub in at]
    for _attempt in range(ATTEMPTS):
        failures = _from_any(wanted, part, transport, lambda: progress(_arrived(model), model.bytes))
        wait = _rest(failures)
        if wait is None:
            break
        time.sleep(wait)
    if failures:
        raise ConnectionFailed(
            _(
                "{name} could not be downloaded. {failures}",
                name=file.name,
                failures=sentences(*(failure.happened for failure in failures)),
            ),
            _(
                "What has arrived is kept: run this again when there is a network. HF_ENDPOINT and "
                "MODELSCOPE_DOMAIN name mirrors; %qwen use local:FILE.gguf takes a file of your own."
            ),
        )
    with part.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() == file.sha256:
            os.replace(part, path)
            return
    part.unlink()
    raise NotTheService(
        _(
            "What came is not {name} as Qwen published it: its checksum is wrong, and it was thrown away.",
            name=file.name,
        ),
        _("Run this again, or name another hub: HF_ENDPOINT or MODELSCOPE_DOMAIN in the environment."),
    )


def _from_any(wanted: Sequence[Wanted], part: Path, transport: Transport, told: Callable[[], None]) -> list[QwenError]:
    """Complete `part` from the first hub that can. Returns the errors of all hubs, or none after success."""
    failures: list[QwenError] = []
    for one in wanted:
        try:
            _complete(part, one, transport, told)
            return []
        except TROUBLE as error:
            failures.append(error)
    return failures


def _rest(failures: Sequence[QwenError]) -> float | None:
    """The seconds after which a hub may be asked again; `None` if that is too long."""
    waits = (failure.retry_after for failure in failures if isinstance(failure, (RateLimited, ServiceUnavailable)))
    return min((wait for wait in waits if wait is not None and wait <= LONGEST_WAIT), default=None)


def _complete(part: Path, wanted: Wanted, transport: Transport, told: Callable[[], None]) -> None:
    """Bring `part` to its full size, with new connections as long as each makes progress."""
    fruitless, begun = 0, False
    while (had := _bytes_in(part)) != wanted.file.bytes:
        failure: QwenError | None = None
        try:
            _append(part, wanted, transport, told)
        except TROUBLE as error:
            failure = error
        fresh = _bytes_in(part) > had
        begun, fruitless = begun or fresh, 0 if fresh else fruitless + 1
        if failure and not _may_pass(failure):
            raise failure
        if fruitless >= (ATTEMPTS if begun else 1):
            raise failure or NotTheService(_("{url} brought nothing.", url=wanted.url))
        time.sleep(fruitless)


def _may_pass(failure: QwenError) -> bool:
    """Whether to try the same hub again at once: not after a refusal, or an error that names a time to wait."""
    asked = failure.retry_after if isinstance(failure, (RateLimited, ServiceUnavailable)) else None
    return asked is None and (failure.transient or isinstance(failure, (NoAnswer, StreamError)))


def _append(part: Path, wanted: Wanted, transport: Transport, told: Callable[[], None]) -> None:
    """Request the missing end of `part`, and append it as it arrives."""
    had = _bytes_in(part) if _bytes_in(part) < wanted.file.bytes else 0
    with opened(wanted, had, transport) as (response, start), _writable(part, start) as content:
        content.seek(start)
        for chunk in response.chunks():
            if content.tell() + len(chunk) > wanted.file.bytes:
                raise NotTheService(_("{name} is longer there than it should be.", name=wanted.file.name))
            content.write(chunk)
            content.flush()
            told()


def _writable(part: Path, start: int) -> BinaryIO:
    """The file to go on with, or a new one that only this user may change."""
    return part.open("r+b") if start else open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o644))


@contextmanager
def _on_disk(folder: Path, model: LocalModel) -> Iterator[None]:
    """Raise `ConfigurationError` for errors of the file system in the block."""
    remedy = _("Or set {variable} to a folder on another disk. What has arrived is kept.", variable=VARIABLE)
    try:
        make(folder)
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise ConfigurationError(
                _("{folder} cannot be written ({reason}).", folder=folder, reason=error.strerror), remedy
            ) from error
        free = readable_size(shutil.disk_usage(folder).free)
        raise ConfigurationError(
            _(
                "The disk is full: {name} needs {bytes}, and {free} are free in {folder}.",
                name=model.name,
                bytes=readable_size(model.bytes),
                free=free,
                folder=folder,
            ),
            _("Make room, or name a smaller model (%qwen use local:NAME). {remedy}", remedy=remedy),
        ) from error
