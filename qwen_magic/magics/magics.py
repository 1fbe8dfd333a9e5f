"""`%%qwen` and `%qwen`: parse, call, nothing else.

The steps of a question are in `qwen_magic.assistant`, the commands of `%qwen` in `qwen_magic.magics.commands`.
Nothing heavy is imported here: that happens at the first question.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import fields, replace
from functools import partial
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Bool, Dict, Enum, Float, Int, Unicode, default, validate
from traitlets.config import Config

from ..assistant.interrupts import in_one_line
from ..core.errors import InputError
from ..core.languages import ENGLISH, in_language, set_current
from ..core.settings import Settings
from ..core.translatable import _, _n
from .cell_writer import CellWriter
from .display_hook import Displayed, Noted
from .options import Parsed, parse, refuse_map_options, typed, usage
from .preparation import Idle
from .ran_cells import RanCells
from .unsaved_answers import UnsavedAnswers

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant.assistant import Assistant
    from ..assistant.question import Question
    from ..attachments import Attach
    from ..code_cells.unified_diff import CellSource
    from ..conversations import CellRef
    from ..core.answer import Answer
    from ..local.interaction import Dialogue
    from ..mapping.views import MapView
    from ..panel.panels import Panels
    from ..service.endpoints import Endpoint
    from ..structured.schema import Schema
    from ..tools.toolset import Toolset
    from .autosave import Autosave

__all__ = ["QwenMagics"]


def _documented(function: Callable[..., Answer | None]) -> Callable[..., Answer | None]:
    """The docstring of the magic, which `%%qwen?` shows, with the options in it."""
    function.__doc__ = f"""{function.__doc__}

    %%qwen [OPTIONS]
    the question, as many lines as it takes

    %qwen [OPTIONS] a question on one line
    %qwen COMMAND               (%qwen help lists the commands)

Options:

{usage(ENGLISH)}

The prompt is free text; {{{{ expression }}}} in it is evaluated in the notebook. The last answer is _qwen: it has
.text, .reasoning, .code, .usage, .finish_reason, .model, .request_id and .seconds; with --schema also .data and .frame,
and -o has the data.
"""
    return function


@magics_class
class QwenMagics(Magics):
    """Qwen in a cell. Everything can be set with `%config QwenMagics.NAME = VALUE`, or in a profile's config file.

    There is no trait for the key, so that none ends up in a notebook: see `%qwen login`.
    """

    if TYPE_CHECKING:
        shell: InteractiveShell  # IPython allows None; ours always has one

    endpoint = Unicode(help="Who is asked: a name such as beijing, ollama or sandbox, or a base URL.").tag(config=True)
    protocol = Enum(
        ("", "compatible", "dashscope"), "", help="The protocol to speak; empty for the endpoint's own."
    ).tag(config=True)
    model = Unicode(help="The model to ask; empty for the endpoint's own.").tag(config=True)
    vision_model = Unicode("qwen3-vl-plus", help="The model for images, where the model cannot see.").tag(config=True)
    document_model = Unicode("qwen-long", help="The model for uploaded documents.").tag(config=True)
    system = Unicode(help="The system prompt.").tag(config=True)
    think = Bool(None, allow_none=True, help="Whether to think first; None for the model's default.").tag(config=True)
    show_reasoning = Bool(False, help="Show the thinking unfolded, also in a terminal.").tag(config=True)
    append = Bool(False, help="Ask at the end, also when a cell is run again.").tag(config=True)
    autosave = Bool(False, help="Save the conversations beside the notebook; %qwen resume loads them.").tag(config=True)
    connect_timeout = Float(10.0, help="Seconds to wait for a connection.").tag(config=True)
    idle_timeout = Float(310.0, help="Seconds of silence after which an answer is given up.").tag(config=True)
    engine_idle = Float(15.0, help="Minutes without a question after which a local engine stops.").tag(config=True)
    prices = Dict(help="Prices per million tokens, as {model: (in, out)}; for %qwen usage.").tag(config=True)
    currency = Unicode(help="The currency of the prices.").tag(config=True)
    language = Unicode(help="The language of messages: en or zh_CN; empty for the environment's.").tag(config=True)
    ask_above = Int(200, min=0, help="A map of more rows than this is agreed to first.").tag(config=True)
    tool_rounds = Int(10, min=1, help="How often in one answer the model may call functions.").tag(config=True)

    def __init__(self, shell: InteractiveShell, config: Config | None = None) -> None:
        super().__init__(shell=shell, config=config or getattr(shell, "config", Config()))
        self._process = os.getpid()
        # Where the kernel was when this was loaded: later a cell may have gone elsewhere.
        self.folder = Path()
        with suppress(OSError):  # it may have been deleted
            self.folder = Path.cwd()
        self._displayed = Displayed(shell)
        self._assistant: Assistant | None = None
        self._saver: Autosave | None = None
        self._unsaved = ""
        self._panels: Panels | None = None
        self._idle = Idle()
        self.unsaved = UnsavedAnswers()
        self.ran = RanCells(shell, self.folder)
        self.cell_writer = CellWriter(shell)
        self.observe(self._configured, names=self.trait_names(config=True))

    @default("endpoint")
    def _endpoint_of_environment(self) -> str:
        return Settings.of_environment().endpoint

    @default("model")
    def _model_of_environment(self) -> str:
        return Settings.of_environment().model

    @validate("vision_model", "document_model", "connect_timeout", "idle_timeout", "engine_idle", "prices", "language")
    def _valid(self, proposal: Any) -> Any:
        from .validators import valid

        return valid(proposal["trait"].name, proposal["value"])

    @validate("endpoint", "protocol")
    def _can_be_asked(self, proposal: Any) -> Any:
        from .validators import check_choice

        name, value = proposal["trait"].name, proposal["value"]
        # What the environment says is looked at when somebody is to be asked, so that `%qwen use` can mend it.
        if name == "protocol":
            check_choice(self.endpoint, value, setting=name)
        elif value != Settings.of_environment().endpoint:
            check_choice(value, self.protocol, setting=name)
        return value

    @property
    def assistant(self) -> Assistant:
        """What this shell asks with; made when it is first needed."""
        if self._assistant is None:
            from ..assistant.assistant import Assistant
            from ..local.interaction import Dialogue
            from .cells import CellOrder
            from .commands.progress import loading
            from .consent_prompt import ask_person

            self._assistant = Assistant(self.settings)
            self._assistant.provider.dialogue = Dialogue(loading=loading)
            self._assistant.consent.ask = ask_person
            self._assistant.conversations.cell_order = CellOrder(self.shell, self.folder)
        return self._assistant

    @property
    def forked(self) -> bool:
        """Whether this is a child of the shell's process, and no front-end hears it."""
        return os.getpid() != self._process

    @property
    def panels(self) -> Panels:
        """The chat panels of this shell; made when one is first shown."""
        if self._panels is None:
            from ..panel.panels import Panels
            from .cells import request_metadata

            # Where nobody looks (nbclient, nbval, nbconvert), requests have no metadata.
            self._panels = Panels(self.assistant, self.shell.user_ns, lambda: bool(request_metadata(self.shell)))
        return self._panels

    def open_saver(self) -> Autosave:
        """Where this notebook's conversations are saved by themselves, and were saved before; looked for once."""
        if self._saver is None:
            from .autosave import Autosave, folder_of

            self._saver = Autosave(folder_of(self.shell, self.folder))
        return self._saver

    @property
    def names(self) -> Mapping[str, Any]:
        """The notebook's variables."""
        names: Mapping[str, Any] = self.shell.user_ns
        return names

    @property
    def settings(self) -> Settings:
        """The traits as a value."""
        names = (field.name for field in fields(Settings))
        return Settings(**{name: getattr(self, name) for name in names})

    @no_var_expand
    @line_cell_magic("qwen")  # type: ignore[arg-type]  # IPython types its decorators as taking nothing
    @_documented
    @in_one_line()
    def qwen(self, line: str, cell: str | None = None) -> Answer | None:
        """Ask Qwen; the answer streams into the cell's output, and the next question has it in its context."""
        with self.in_its_language():
            return self._line(line) if cell is None else self._cell(line, cell)

    def _cell(self, line: str, cell: str) -> Answer | None:
        parsed = parse(line)
        # IPython ends every cell with a line break that nobody typed.
        return self.ask(parsed, "\n".join(filter(str.strip, (parsed.text, cell.removesuffix("\n")))))

    def ask(
        self,
        parsed: Parsed,
        prompt: str,
        *,
        around: Callable[[str], str] | None = None,
        rewrites: tuple[CellSource, ...] = (),
    ) -> Answer | None:
        """Ask what a line and its cell say, and leave the answer in the notebook's variables; none from a dry run.

        `around` puts words about the prompt, and the answer may rewrite one of the cells `rewrites`.
        """
        name = parsed.given.get("out", "")
        if name and (not name.isidentifier() or iskeyword(name)):
            raise InputError(_("-o {name}: that is not a variable's name.", name=name))
        if "map" in parsed.given:
            from .map_cell import map_cell

            names = self.shell.user_ns
            schema = self._schema(parsed.given)
            map_cell(self.assistant, parsed.given, prompt, schema, names, self.map_view(), self.map_publisher(name))
            return None
        refuse_map_options(parsed.given)
        code, cell = parsed.given.get("code", ""), self.cell()
        if code and "schema" in parsed.given:
            raise InputError(_("--code and --schema do not go together."), _("An answer is code, or data."))
        question = self.question(parsed, prompt)
        question = replace(question, prompt=around(question.prompt) if around else question.prompt, rewrites=rewrites)
        if parsed.given.get("dry_run"):
            from .commands.answers import show_dry_run

            show_dry_run(self.assistant.dry_run(question))
            return None
        publish, each = self.publisher(name), code == "each"

        def answered(answer: Answer) -> None:
            publish(answer)
            self.cell_writer.remember(cell, answer, each=each)

        answer = self.assistant.ask(question, self.view(), answered=answered)
        if code:
            self.cell_writer.write(cell, answer, each=each)
        return answer

    def publisher(self, name: str = "") -> Callable[[Answer], None]:
        """What makes an answer, whole or not, `_qwen` and the variable `name`."""

        def publish(answer: Answer) -> None:
            from ..structured.data_answer import DataAnswer

            named: dict[str, Any] = {name: answer} if name else {}
            if isinstance(answer, DataAnswer):
                named = {name: answer.data} if name and answer.fits else {}
            self.shell.push({"_qwen": answer} | named, interactive=False)

        return publish

    def map_publisher(self, name: str = "") -> Callable[[Any], None]:
        """What makes the result of a map, whole or not, `_qwen` and the variable `name`."""

        def publish(result: Any) -> None:
            self.shell.push({"_qwen": result} | ({name: result} if name else {}), interactive=False)

        return publish

    def map_view(self) -> MapView:
        """The view of a map for the cell that runs now."""
        from ..mapping.views import map_view
        from .cells import request_metadata

        return map_view(self.shell, request_metadata(self.shell))

    def use(self, name: str, protocol: str, dialogue: Dialogue | None) -> Endpoint:
        """Ask this endpoint from now on, which is what its settings say then, too. Raises `ConfigurationError`."""
        found = self.assistant.provider.use(name, protocol, dialogue)
        chosen = self.assistant.settings
        with self.hold_trait_notifications():
            self.endpoint, self.protocol = chosen.endpoint, chosen.protocol
        return found

    def cell(self) -> CellRef | None:
        """The run of the cell that runs now, where the front-end names it."""
        from .cells import cell_of

        return cell_of(self.shell)

    def view(self) -> Any:
        """The view for the cell that runs now."""
        from ..rendering.views.choice import choose_view
        from .cells import request_metadata

        metadata = request_metadata(self.shell)
        view = choose_view(self.shell, metadata, show_reasoning=self.show_reasoning, opened=self._idle.take)
        return Noted(view, self._displayed, partial(self.unsaved.keep, self.cell()))

    def question(self, parsed: Parsed, prompt: str) -> Question:
        """The question that a line's options and its text make."""
        from ..assistant.prompts import fill
        from ..assistant.question import Question

        given = parsed.given
        return Question(
            prompt=prompt if given.get("raw") else fill(prompt, self._evaluate, force=given.get("force", False)),
            model=given.get("model", ""),
            system=given.get("system"),
            think=given.get("think"),
            search=given.get("search"),
            fields=typed(given.get("fields", [])),
            alone=given.get("alone", False),
            conversation=given.get("chat", "default"),
            cell=self.cell(),
            append=given.get("append"),
            pin=given.get("pin", False),
            attach=self._attach(given, prompt),
            schema=self._schema(given),
            tools=self._tools(given),
            instruction=self._instruction(given),
        )

    def _tools(self, given: dict[str, Any]) -> Toolset | None:
        """The functions that the line gives to the model."""
        if "tools" not in given:
            if "allow" in given:
                raise InputError(_("--allow needs -t."), _("Such as -t lookup --allow lookup."))
            return None
        from ..tools.toolset import toolset_named

        return toolset_named(given["tools"], given.get("allow", ()), self.shell.user_ns)

    def _instruction(self, given: dict[str, Any]) -> str:
        """What the model is told of the answer's form."""
        if "code" not in given:
            return ""
        from ..code_cells.instruction import code_instruction

        return code_instruction(self.cell_writer.language, each=given["code"] == "each")

    def _schema(self, given: dict[str, Any]) -> Schema[Any] | None:
        """What the line says of the answer's form."""
        if "schema" not in given:
            if given.get("many"):
                raise InputError(_("--many needs a schema."), _("Such as --schema 'name, age int' --many."))
            return None
        from ..structured.schema import schema_given

        return schema_given(given["schema"], self.shell.user_ns, many=given.get("many", False))

    def _attach(self, given: dict[str, Any], prompt: str) -> Attach:
        """What the line names, and the prompt as it was typed."""
        from ..attachments import Attach

        rows = given.get("rows", "5")
        if not rows.isdecimal():
            raise InputError(_("--rows {rows}: that is not a number of rows.", rows=rows))
        return Attach(
            files=tuple(given.get("files", ())),
            images=tuple(given.get("images", ())),
            variables=tuple(given.get("variables", ())),
            prompt="" if given.get("raw") else prompt,
            namespace=self.shell.user_ns,
            rows=int(rows),
            values=not given.get("no_values", False),
            force=given.get("force", False),
        )

    def unload(self) -> None:
        """Leave nothing open."""
        set_current("")
        self._displayed.remove()
        self._idle.close()
        self.unsaved.close()
        if self._panels is not None:
            self._panels.close()
            self._panels = None
        if self._assistant is not None:
            self._assistant.close()
            self._assistant = None

    def pre_run_cell(self, info: Any) -> None:
        """IPython's event: cells that were deleted take their turns with them."""
        set_current(self.language)
        self._displayed.last = None
        self.ran.begin()
        if self._assistant is not None:
            from .cells import deleted_cells

            self._assistant.conversations.drop_cells(deleted_cells(self.shell))

    def in_its_language(self) -> AbstractContextManager[None]:
        """Within this block messages are in the language of this shell."""
        return in_language(self.language)

    def offer(self) -> None:
        """Say that an earlier kernel has saved conversations here, if it has."""
        from ..rendering.command_output import say

        if waiting := len(self.open_saver().waiting()):
            with self.in_its_language():
                say(
                    _n(
                        "A conversation was saved here before: %qwen resume goes on with it.",
                        "{count} conversations were saved here before: %qwen resume goes on with them.",
                        count=waiting,
                    )
                )

    def post_run_cell(self, result: Any) -> None:
        """IPython's event: the run of a cell is over."""
        from .cells import cell_id_of, request_metadata

        self.ran.ended(result, cell_id_of(self.shell))
        if request_metadata(self.shell):  # where nobody looks there is no page to be quick for
            self._idle.prepare()
        if self._assistant is None:
            return
        cell = self.cell()
        if cell is not None:
            self._assistant.conversations.end_run(cell, ok=bool(result.success))
        if self.autosave:
            try:
                self.open_saver().save(self._assistant.conversations)
            except InputError as error:
                # Said once, and not behind every cell.
                if str(error) != self._unsaved:
                    from ..rendering.command_output import say

                    self._unsaved = str(error)
                    say(error.in_language())

    def _line(self, line: str) -> Answer | None:
        from .commands import command_in
        from .commands.command_call import CommandCall

        parsed = parse(line)
        if parsed.given and not parsed.text.strip():
            raise InputError(_("There is no question."), _("It goes behind the options, on the same line."))
        of_question = set(parsed.given) - {"chat"}
        command = None if parsed.ended else command_in(parsed.text, alone=not of_question)
        if command is None:
            return self.ask(parsed, parsed.text)
        if of_question and not command.asks:
            raise InputError(
                _("A command of %qwen takes no option but -c."), _("To ask it: -- {text}", text=parsed.text)
            )
        rest = "".join(parsed.text.split(maxsplit=1)[1:])
        return command.do(CommandCall(self, rest.rstrip(), parsed.given.get("chat", "default"), parsed.given))

    def _evaluate(self, expression: str) -> Any:
        # What {{ … }} is for: the person's own expression, in the person's own namespace.
        return eval(expression, self.shell.user_global_ns, self.shell.user_ns)

    def _configured(self, change: Any) -> None:
        if change["name"] == "language":  # also for what the same cell shows
            set_current(self.language)
        if self._assistant is not None:
            self._assistant.settings = self.settings
