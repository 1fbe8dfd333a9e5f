"""Handles the messages of a panel's pages: ask, stop, clear, choose.

Questions run in separate threads (`question_thread`), through the same `Assistant` as those of cells; no method blocks.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

from IPython.display import display

from ..assistant.assistant import Assistant, Cancel
from ..assistant.question import Question
from ..attachments import Attach
from ..conversations import Conversation
from ..core.errors import InputError, QwenError, Stopped
from ..core.languages import in_language
from ..core.models import chats
from ..core.threads import start_thread
from ..rendering.page_messages import GivenAttachment, KnownConversation
from .completions import attachable
from .page_requests import Ask, Complete, Given, Hello, Model, PageMessage, Plain, Stop, Upload, message_in
from .panel_widget import ChatWidget
from .question_thread import PanelView, told
from .saved_panel import bundle
from .transcript import Entry, Transcript
from .uploads import BrowserUploads

__all__ = ["Session"]


class Session:
    """One panel: a conversation, the widget that shows it, and the questions that are asked in it."""

    def __init__(self, assistant: Assistant, conversation: Conversation, namespace: MutableMapping[str, Any]) -> None:
        self.conversation = conversation
        self._assistant = assistant
        self._namespace = namespace
        self._transcript = Transcript(conversation.turns)
        self._cancels: dict[str, Cancel] = {}
        self._uploads = BrowserUploads()
        self._widget = ChatWidget(self._known, self._transcript.order, self._transcript.states)
        self._widget.listen(self._hear)
        self._unfollow = conversation.observe(self._follow)

    @property
    def _known(self) -> KnownConversation:
        return {"name": self.conversation.name, "model": self.conversation.model or ""}

    def show(self) -> None:
        """Show the panel in the running cell, with the transcript for viewers without widgets."""
        data, _ = self._widget._repr_mimebundle_() or ({}, {})
        with self._widget.changing() as panel:
            known = {"panel": panel["id"]}
            record = bundle(state for state in self._transcript.states.values() if state["head"])
            undrawn = self._transcript.undrawn
        display(data | record, metadata={"qwen": known}, raw=True)
        if undrawn:
            self._apart(partial(self._draw, undrawn))

    def close(self) -> None:
        """Stop all answers, and close the panel."""
        self._unfollow()
        for cancel in tuple(self._cancels.values()):
            cancel()
        self._uploads.close()
        self._widget.close()

    def _hear(self, content: Any, buffers: list[memoryview]) -> None:
        """Handle one message of a page; its error is shown on the page."""
        try:
            self._do(*message_in(content), buffers)
        except Exception as error:  # no cell could show it
            self._widget.say(error=told(error))

    def _do(self, do: str, message: PageMessage, buffers: list[memoryview]) -> None:
        match message:
            case Hello(seen):
                self._widget.say_whole(seen)
            case Ask():
                self._ask(message)
            case Stop(key):
                self._stop(key)
            case Model(model):
                self.conversation.model = model or None
            case Complete(text):
                self._offer(text)
            case Upload():
                self._upload(message, buffers)
            case Plain():
                plain = {"clear": self.conversation.reset, "undo": self.conversation.undo}
                plain.get(do, lambda: self._apart(self._models))()

    # --- asking

    def _ask(self, message: Ask) -> None:
        if self._transcript.find(message.key):
            return  # the page has sent it twice
        self._follow_name()
        given: list[GivenAttachment] = [
            {"kind": each.kind, "value": each.value, "name": each.name} for each in message.attachments
        ]
        with self._widget.changing():
            again = self._transcript.find(message.again or "")
            entry = self._transcript.ask(message.key, message.text, given, again)
            self._tell_turns([entry])
        snapshots = {each.value: each.name for each in message.attachments if each.kind == "snapshot"}
        # The files that unchanged words mention are among them.
        unchanged = snapshots and again and again.state["question"] == message.text
        question = Question(
            message.text,
            conversation=self.conversation.name,
            append=True,
            again=entry.replaces,
            attach=self._attach("" if unchanged else message.text, message.attachments),
            snapshots=snapshots,
        )
        cancel = self._cancels[entry.key] = Cancel()
        self._apart(partial(self._answer, entry, question, cancel))

    def _answer(self, entry: Entry, question: Question, cancel: Cancel) -> None:
        """Ask, in a thread of its own."""
        assert entry.growing is not None
        view = PanelView(self._widget, entry, entry.growing)
        try:
            self._assistant.ask(question, view, cancel)
        except Stopped:
            pass
        except Exception as error:  # it is shown in the answer's place
            view.refuse(error)
        finally:
            del self._cancels[entry.key]
            entry.replaces = None if entry.turn is None else entry.replaces
            self._follow(self.conversation)

    def _attach(self, prompt: str, given: tuple[Given, ...]) -> Attach:
        files = tuple(each.value for each in given if each.kind == "file")
        variables = tuple(each.value for each in given if each.kind == "variable")
        return Attach(files, variables=variables, prompt=prompt, namespace=self._namespace)

    def _stop(self, key: str) -> None:
        cancel = self._cancels.get(key)
        if cancel is not None:
            cancel()

    def _apart(self, work: Callable[[], None]) -> None:
        def work_in_its_language() -> None:
            with in_language(self._assistant.settings.language):
                work()

        start_thread("qwen-panel", work_in_its_language)

    # --- following the conversation

    def _follow_name(self) -> None:
        """When the conversation was dropped, a question begins a new one of the same name."""
        named = self._assistant.conversations.get(self.conversation.name)
        if named is not self.conversation:
            self._unfollow()
            self.conversation = named
            self._unfollow = named.observe(self._follow)
            self._follow(named)

    def _follow(self, conversation: Conversation) -> None:
        """The conversation has changed, here or in a cell."""
        with self._widget.changing() as panel:
            new = self._transcript.follow(conversation.turns)
            if new or self._transcript.order != panel["order"]:
                self._tell_turns(new)
            known = self._known
            if known != {"name": panel["name"], "model": panel["model"]}:
                panel |= {"name": known["name"], "model": known["model"]}
                self._widget.tell(known=known)

    def _draw(self, undrawn: list[Entry]) -> None:
        """Draw the turns that `show` left out; runs in a separate thread."""
        for entry in undrawn:
            drawing = entry.drawing()
            with self._widget.changing():
                entry.change(drawing)
                self._widget.tell(key=entry.key, set=drawing)

    def _tell_turns(self, new: list[Entry]) -> None:
        with self._widget.changing() as panel:
            panel |= {"order": self._transcript.order, "turns": self._transcript.states}
            self._widget.tell(order=self._transcript.order, turns={entry.key: entry.state for entry in new})

    # --- choosing

    def _models(self) -> None:
        try:
            provider = self._assistant.provider
            here = provider.resolve()
            names = sorted(name for name in provider.models.fetch(here) if chats(name))
            default = self._assistant.settings.model or provider.models.default(here)
        except QwenError as error:
            self._widget.say(models=[], default="", error=told(error))
        else:
            self._widget.say(models=names, default=default)

    def _offer(self, text: str) -> None:
        self._widget.say(offers=attachable(text, self._namespace, Path.cwd()), text=text)

    def _upload(self, message: Upload, buffers: list[memoryview]) -> None:
        try:
            path, size = self._uploads.add(message.id, message.name, b"".join(buffers))
        except (InputError, OSError) as error:
            self._widget.say(uploaded=message.id, error=told(error))
        else:
            self._widget.say(uploaded=message.id, path=str(path), size=size)
