"""Nothing that another program, host or file named acts on a terminal, or reorders what stands beside it."""

from __future__ import annotations

import ast

import pytest
from support.paths import PACKAGE

from qwen_magic.core.answer import Attached
from qwen_magic.core.errors import InputError, ServiceError
from qwen_magic.doctor.findings import problem
from qwen_magic.rendering.answer_state import heading_state
from qwen_magic.rendering.command_output import say
from qwen_magic.rendering.fact_table import Listing
from qwen_magic.rendering.views.protocol import Heading

FOREIGN = "a\x1b]0;title\x07b\x9b2Jc\u202ed\ud800e\r\nf\u2028g\x7f"
SHOWN = "a␛]0;title␇b\ufffd2Jc\ufffdd\ufffde f g\ufffd"

# Where `print` is right: the one way out, a line that is drawn again in place, and standard error.
PRINTING = {"rendering/command_output.py", "magics/commands/progress.py", "cli.py"}


@pytest.mark.parametrize("kind", [InputError, ServiceError])
def test_an_error_says_what_others_named_in_one_harmless_line(kind: type[InputError]) -> None:
    error = kind(f"There is no {FOREIGN}.", f"Try {FOREIGN}.")
    assert str(error) == f"There is no {SHOWN}. Try {SHOWN}."
    assert error.happened == f"There is no {SHOWN}."
    assert error._render_traceback_()[0].endswith(str(error))


def test_a_listing_shows_names_as_they_are_and_obeys_none() -> None:
    listing = Listing(("name", "bytes"), [(FOREIGN, "1,234"), ("x", "")])
    assert repr(listing).splitlines()[1] == f"{SHOWN}  1,234"
    assert SHOWN in listing._repr_html_()
    assert '<td style="text-align:left">x</td><td style="text-align:right"></td>' in listing._repr_html_()


def test_a_finding_of_the_doctor_obeys_no_header() -> None:
    assert SHOWN in str(problem("answer", f"from {FOREIGN}", FOREIGN))


def test_what_a_page_shows_above_a_live_answer_is_in_its_own_order() -> None:
    attached = Attached(FOREIGN, "text", 3, "", FOREIGN)
    state = heading_state(Heading(FOREIGN, FOREIGN, (attached,), (FOREIGN,)))
    assert (state["model"], state["endpoint"], state["notes"]) == (SHOWN, SHOWN, {"en": [SHOWN], "zh": [SHOWN]})
    assert state["attachments"][0]["name"] == SHOWN
    assert SHOWN in state["attachments"][0]["note"]


def test_what_a_command_says_cannot_fail_to_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one {FOREIGN}\ntwo")
    assert capsys.readouterr().out == "one a␛]0;title␇b\ufffd2Jc\u202ed\ufffde\nf\u2028g\ufffd\ntwo\n"


def test_nothing_is_printed_past_the_one_way_out() -> None:
    printing = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing <= PRINTING
