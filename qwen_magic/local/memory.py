"""How much memory a model may take: what this machine has free, or what its container still grants."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["available"]

# Where a container (Docker, a JupyterHub's pod) sees its own limit: control groups, version 2 and version 1
# (kernel docs, "Memory Interface Files" and "memory.stat").
CONTROL_GROUPS = (
    ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available(root: Path = Path("/")) -> int:
    """Bytes that can be taken without anything being swapped out or killed."""
    import psutil  # type: ignore[import-untyped]  # it has no types of its own

    free = int(psutil.virtual_memory().available)
    return min([free, *(_granted(root / folder, *files) for folder, *files in CONTROL_GROUPS)], default=free)


def _granted(folder: Path, limit: str, usage: str, reclaimable: str) -> int:
    """What a control group still grants; more than any machine has where there is none, or no limit."""
    with suppress(OSError, ValueError):
        counts = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines())
        used = int((folder / usage).read_text(encoding="utf-8")) - int(counts.get(reclaimable, 0))
        return max(0, int((folder / limit).read_text(encoding="utf-8")) - used)
    return 1 << 62
