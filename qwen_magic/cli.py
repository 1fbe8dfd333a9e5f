"""The command `jupyter qwen …`: one subcommand each for what is useful outside a notebook.

It parses and prints. What a subcommand does lives elsewhere, and is imported when it is asked for.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from .errors import QwenError

__all__ = ["main"]

SANDBOX = """\
The Qwen sandbox: a simulator of Alibaba's Qwen service, not a model.

  OpenAI-compatible   {compatible}
  DashScope native    {native}
  key                 {key}   (any key that begins with sk- is good)

In a notebook:
  %load_ext qwen_magic
  %qwen use {compatible}

With other clients:
  export OPENAI_BASE_URL={compatible} OPENAI_API_KEY={key}
  export DASHSCOPE_HTTP_BASE_URL={native} DASHSCOPE_API_KEY={key}

Ask it "help" for what it can play. Ctrl-C ends it.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand and returns the exit code: 0, 1 for an error (told on stderr), 2 for a wrong command line."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (QwenError, OSError) as error:
        print(f"jupyter qwen: {error}", file=sys.stderr)
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="jupyter qwen", description="Qwen inside the notebook.")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    sandbox = commands.add_parser("sandbox", help="serve an offline simulator of the Qwen service")
    sandbox.add_argument("--port", type=int, default=0, help="the port to listen on (default: any free one)")
    sandbox.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")
    sandbox.set_defaults(run=serve_sandbox)
    return whole


def serve_sandbox(options: argparse.Namespace) -> int:
    from .sandbox import Sandbox

    ended = told_to_end()
    with Sandbox(options.port, options.host, remember=0) as sandbox:
        places = {"compatible": sandbox.compatible_url, "native": sandbox.native_url, "key": sandbox.key}
        print(SANDBOX.format(**places), flush=True)
        # Windows delivers signals only between waits.
        while not ended.wait(0.5):
            pass
    return 0


def told_to_end() -> threading.Event:
    """An event that Ctrl-C sets, and so does whoever tells the process to end."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, end)
    return ended


if __name__ == "__main__":
    sys.exit(main())
