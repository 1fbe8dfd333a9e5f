"""Whether a folder is on this machine, or on another one's disk. Not for what is kept there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["is_remote", "remote_mount"]

# Kinds of file systems that machines share (the Linux kernel's docs, "Filesystems"; those of FUSE by their names).
REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2"}
REMOTE |= {"gfs2", "orangefs", "panfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.s3fs", "fuse.rclone"}
# A drive of another machine (Microsoft's docs, "GetDriveTypeW").
DRIVE_REMOTE = 4


def is_remote(path: Path) -> bool:
    """Whether other machines may share the file system of `path`. On macOS nothing says so: always false."""
    whole = path.resolve()
    if sys.platform == "win32":
        import ctypes

        drive = f"{whole.drive}\\"
        return drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive) == DRIVE_REMOTE
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return remote_mount(str(whole), mounts)


def remote_mount(path: str, mounts: str) -> bool:
    """The same for a path of Linux; `mounts` is the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5))."""
    kind, length = "", -1
    for line in mounts.splitlines():
        before, _dash, behind = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not behind:
            continue
        # Blanks and backslashes are written in octal.
        point = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape").rstrip(os.sep)
        if (path == point or path.startswith(point + os.sep)) and len(point) >= length:
            kind, length = behind.split(" ")[0], len(point)
    return kind in REMOTE
