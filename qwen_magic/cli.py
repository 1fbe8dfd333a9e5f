"""The command `jupyter qwen …`: one subcommand each for what is useful outside a notebook.

It parses and prints. What a subcommand does lives elsewhere, and is imported when it is asked for.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType

from .core.control_characters import one_line
from .core.errors import QwenError
from .core.languages import translated
from .core.translatable import N_, _
from .rendering.command_output import say

__all__ = ["main"]

SANDBOX = N_(
    """\
The Qwen sandbox: a simulator of Alibaba's Qwen service, not a model.

  OpenAI-compatible   {compatible}
  DashScope native    {native}
  key                 {key}   (any key that begins with sk- is good)

In a notebook:
  %load_ext qwen_magic
  %qwen use {compatible}
  %qwen login                  (the key above)

With other clients:
  export OPENAI_BASE_URL={compatible} OPENAI_API_KEY={key}
  export DASHSCOPE_HTTP_BASE_URL={native} DASHSCOPE_API_KEY={key}

Ask it "help" for what it can play. Ctrl-C ends it.
"""
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand and returns the exit code: 0, 1 for an error (told on stderr), 2 for a wrong command line."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (QwenError, OSError) as error:
        print(
            f"jupyter qwen: {one_line(error.in_language() if isinstance(error, QwenError) else str(error))}",
            file=sys.stderr,
        )
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="jupyter qwen", description=translated(_("Qwen inside the notebook.")))
    commands = whole.add_subparsers(title=translated(_("commands")), required=True, metavar="COMMAND")
    sandbox = commands.add_parser("sandbox", help=translated(_("serve an offline simulator of the Qwen service")))
    sandbox.add_argument(
        "--port", type=int, default=0, help=translated(_("the port to listen on (default: any free one)"))
    )
    sandbox.add_argument(
        "--host", default="127.0.0.1", help=translated(_("the address to listen on (default: this machine only)"))
    )
    sandbox.set_defaults(run=_serve_sandbox)
    doctor = commands.add_parser(
        "doctor", help=translated(_("go step by step to the first token, and say what is wrong"))
    )
    doctor.add_argument(
        "endpoint", nargs="?", default="", help=translated(_("a name or a base URL (default: the one configured)"))
    )
    doctor.add_argument("--protocol", default="", help=translated(_("compatible or dashscope")))
    doctor.add_argument("--model", default="", help=translated(_("the model to ask")))
    doctor.add_argument(
        "--try-regions", action="store_true", help=translated(_("send a refused key to the other regions as well"))
    )
    doctor.add_argument("--json", action="store_true", help=translated(_("one JSON document instead of lines")))
    doctor.set_defaults(run=_examine)
    return whole


def _serve_sandbox(options: argparse.Namespace) -> int:
    from .sandbox import Sandbox

    ended = _told_to_end()
    with Sandbox(options.port, options.host, any_key=True, remember=0) as sandbox:
        places = {"compatible": sandbox.compatible_url, "native": sandbox.native_url, "key": sandbox.key}
        say(_(SANDBOX, **places))
        # Windows delivers signals only between waits.
        while not ended.wait(0.5):
            pass
    return 0


def _examine(options: argparse.Namespace) -> int:
    """Exit code 1 when something is wrong."""
    from .core.settings import Settings
    from .doctor import doctor
    from .provider.provider import Provider
    from .service.credentials import Credentials

    configured = Settings.of_environment()
    settings = replace(
        configured,
        endpoint=options.endpoint or configured.endpoint,
        protocol=options.protocol,
        model=options.model or configured.model,
    )
    provider = Provider(settings, Credentials())
    findings = []
    try:
        origin = _("the command line") if options.endpoint else ""
        for finding in doctor(provider, origin=origin, try_regions=options.try_regions):
            findings.append(finding)
            if not options.json:
                say(finding.in_language())
    finally:
        provider.close()
    if options.json:
        say(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False, indent=2))
    return int(any(finding.state == "problem" for finding in findings))


def _told_to_end() -> threading.Event:
    """An event that Ctrl-C sets, and so does whoever tells the process to end."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, end)
    return ended


if __name__ == "__main__":
    sys.exit(main())
