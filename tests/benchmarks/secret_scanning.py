"""What looking for secrets in a text costs, on ordinary texts and on the worst ones.

<    python tests/benchmarks/secret_scanning.py [--megabytes 10]
=
Seconds of the processor; how much longer a text takes that is twice as long (2 is linear); and how long that is beside
the hash of the same text, which every attachment gets as well.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path

from qwen_magic.attachments import secret_patterns

PROSE = (
    b"The password policy says that secrets and tokens are kept in a vault. commit 3f786850e387550fdab836ed7e6dc881d\n"
)
WORST = (
    *(
        b"token ",
        b"token: ",
        b"password=",
        b"password: aaaaaaaaaaaaaaaaaaaaaa = ",
        b"SECRET = x",
        b"sk-",
        b"eyJaaaaaaaaaaa.",
    ),
    *(
        b".sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"://a:aaaaaaaaaaaaaaa",
        b"?signature=aaaaaaaaaaaaaaaaaaaa&-Sig",
        b"machine a login ",
    ),
    *(
        b"-----BEGIN PRIVATE KEY-----\n" + b"\n" * 60,
        b"kind: Config\n",
        b'"type"   :   ',
        b"authorization: bearer ",
        b" ",
        b"x",
    ),
)


def seconds(work: Callable[[bytes], object], text: bytes) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started


def texts(size: int) -> dict[str, bytes]:
    code = Path(secret_patterns.__file__).with_name("message_parts.py").read_bytes()
    noise = random.Random(1).randbytes(size)
    repeated = {each.decode()[:32].strip() or repr(each[:1].decode()): each for each in WORST}
    ordinary = {"prose": PROSE, "code": code, "base64": base64.b64encode(noise), "hex": noise.hex().encode()}
    return {name: (text * (size // len(text) + 1))[:size] for name, text in (ordinary | repeated).items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megabytes", type=float, default=10)
    size = int(options.parse_args().megabytes * 1e6)
    print("| text | seconds | to half of it | to its sha256 |\n|---|---:|---:|---:|")
    for name, text in texts(size).items():
        whole, half = (seconds(secret_patterns.secret_in, each) for each in (text, text[: size // 2]))
        beside = seconds(lambda text: hashlib.sha256(text).digest(), text)
        shown = name.replace("\n", " ").replace("|", "")
        print(f"| `{shown}` | {whole:.2f} | {whole / half:.1f} | {whole / beside:.0f} |", flush=True)


if __name__ == "__main__":
    main()
