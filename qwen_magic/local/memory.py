"""The memory that a model may take: the free memory of this machine, or of its container."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["available"]

# The files with the limit of a container (Docker, a JupyterHub's pod): control groups, version 2 and version 1
# (kernel docs, "Memory Interface Files" and "memory.stat").
CONTROL_GROUPS = (
    ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available(root: Path = Path("/")) -> int:
    """The bytes that can be used without swapping, and without exceeding the container's limit."""
    import psutil  # type: ignore[import-untyped]  # it has no types of its own

    free = int(psutil.virtual_memory().available)
    return min([free, *(_granted(root / folder, *files) for folder, *files in CONTROL_GROUPS)], default=free)


def _granted(folder: Path, limit: str, usage: str, reclaimable: str) -> int:
    """The free bytes of a control group; a huge number without a control group or a limit."""
    with suppress(OSError, ValueError):
        counts = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines())
        used = int((folder / usage).read_text(encoding="utf-8")) - int(counts.get(reclaimable, 0))
        return max(0, int((folder / limit).read_text(encoding="utf-8")) - used)
    return 1 << 62
