"""What attaching something large costs: seconds, and the peak of memory beside that of a bare Python.

    python tests/benchmarks/attachments.py [--gigabytes 2] [--megapixels 100]

Each row is a process of its own that attaches one file; the files are made first, in a temporary folder, and take
about as much space as their size says. The whole takes about a minute.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from math import isqrt
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120

# Attaches the file that it is given, and prints seconds, bytes of memory, and what was made of the file.
MEASURED = """
import sys, time
from pathlib import Path
import psutil

started = time.perf_counter()
note = ""
if sys.argv[1:]:
    from qwen_magic.attachments import Attach, gather

    path = Path(sys.argv[1])
    (found,) = gather(Attach(files=(path.name,), cwd=path.parent))
    note = found.note
seconds = time.perf_counter() - started
try:  # Linux: what resource says there is the parent's peak, if that was higher
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
except OSError:
    if sys.platform == "win32":
        peak = psutil.Process().memory_info().peak_wset
    else:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds, peak, note, sep="\\t")
"""

BLOCK = "".join(
    f'{number},shop {number % 97},{number * 0.37:.2f},2024-03-{1 + number % 28:02},"a remark, quoted"\n'
    for number in range(200_000)
).encode()


def large_csv(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.write(b"id,shop,price,day,remark\n")
        for _ in range(size // len(BLOCK)):
            file.write(BLOCK)
    return path


def large_images(folder: Path, pixels: int) -> Iterator[Path]:
    from PIL import Image

    side = isqrt(pixels)
    tile = Image.effect_noise((1000, 1000), 60).convert("RGB")
    image = Image.new("RGB", (side, side))
    for left in range(0, side, tile.width):
        for upper in range(0, side, tile.height):
            image.paste(tile, (left, upper))
    image.save(folder / "large.jpg", quality=90)
    image.save(folder / "large.png", compress_level=1)
    yield from (folder / "large.jpg", folder / "large.png")


def measured(*files: Path) -> tuple[float, int, str]:
    """Seconds, the peak of memory in bytes, and the note of the attachment."""
    command = [sys.executable, "-c", MEASURED, *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=SECONDS)
    seconds, peak, note = done.stdout.rstrip("\n").split("\t")
    return float(seconds), int(peak), note


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gigabytes", type=float, default=2)
    options.add_argument("--megapixels", type=int, default=100)
    chosen = options.parse_args()
    print("| file | on disk | seconds | peak memory | what was made of it |\n|---|---:|---:|---:|---|")
    print(f"| (a bare Python) | | | {measured()[1] / 2**20:.0f} MB | |", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        files = [large_csv(Path(place) / "large.csv", int(chosen.gigabytes * 1e9))]
        files += large_images(Path(place), chosen.megapixels * 1_000_000)
        for path in files:
            seconds, peak, note = measured(path)
            size = path.stat().st_size / 1e6
            print(f"| {path.name} | {size:,.0f} MB | {seconds:.2f} | {peak / 2**20:.0f} MB | {note} |", flush=True)


if __name__ == "__main__":
    main()
