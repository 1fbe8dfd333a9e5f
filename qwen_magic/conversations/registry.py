"""The conversations of one shell, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from threading import RLock

from ..core.errors import InputError
from ..core.forks import renewed_in_children
from ..core.translatable import _
from .conversation import Conversation
from .joining import take_over
from .turns import CellRef
from .usage import Prices, Spent

__all__ = ["DEFAULT", "Conversations"]

DEFAULT = "default"

# Long enough for a title, short enough for a footer.
LONGEST_NAME = 64


class Conversations:
    """All conversations of a shell. Iterating yields them in the order in which they were made.

    `cell_order` returns the ids of the notebook's cells in their order, or nothing where the order is unknown. It is
    called before each question; the magics replace it by a function that reads the notebook.
    """

    def __init__(self) -> None:
        self.cell_order: Callable[[], Sequence[str]] = tuple
        self._lock = RLock()
        self._named: dict[str, Conversation] = {}
        self._dropped: list[Spent] = []
        self._renamed: dict[str, str] = {}
        renewed_in_children(self)

    def after_fork(self) -> None:
        """A forked child has copies of its own."""
        self._lock = RLock()

    def get(self, name: str = DEFAULT) -> Conversation:
        """The conversation of this name, made if need be. Raises `InputError` for a name that is none."""
        name = _valid(name)
        with self._lock:
            if name not in self._named:
                made = self._named[name] = Conversation(name)
                made.places.cell_order = lambda: self.cell_order()
                made.predecessor = self._renamed.pop(name, "")
            return self._named[name]

    def find(self, name: str = DEFAULT) -> Conversation:
        """The conversation of this name; the default one always exists. Raises `InputError` for an unknown one."""
        if name == DEFAULT:
            return self.get()
        with self._lock:
            if found := self._named.get(_valid(name)):
                return found
            raise InputError(_("There is no conversation {name!r}.", name=name), _nearest(name, self._named))

    def __iter__(self) -> Iterator[Conversation]:
        with self._lock:
            return iter(tuple(self._named.values()))

    def __len__(self) -> int:
        return len(self._named)

    def __bool__(self) -> bool:
        """Always true, so that `conversations or other` does not pass over an empty one."""
        return True

    def __contains__(self, which: object) -> bool:
        """Whether there is a conversation of this name, or this very one."""
        return which in self._named or any(which is each for each in self)

    def __repr__(self) -> str:
        return f"<Conversations: {', '.join(map(repr, self)) or 'none yet'}>"

    def fork(self, new: str, source: str = DEFAULT, cell: CellRef | None = None) -> Conversation:
        """A conversation that goes on from another one; made in a cell, from what is before that cell.

        The same cell may make it anew. Raises `InputError` for an unknown source, or when the name is taken.
        """
        with self._lock:
            origin, target = self.find(source), self._named.get(_valid(new))
            again = target is not None and cell is not None and cell.id in target.forked_in
            if target is origin or (target is not None and len(target) and not again):
                raise _taken(new)
            forked, target = origin.fork(new, cell), self.get(new)
        take_over(target, forked, _("the fork"), cell)
        return target

    def rename(self, old: str, new: str) -> Conversation:
        """Raises `InputError` for an unknown conversation, or when the new name is taken."""
        with self._lock:
            conversation, new = self.find(old), _valid(new)
            if self._named.get(new, conversation) is not conversation:
                raise _taken(new)
            self._named = {new if name == conversation.name else name: each for name, each in self._named.items()}
            if new != conversation.name:
                self._renamed[conversation.name] = new
            conversation.name = new
            return conversation

    def drop(self, name: str) -> None:
        """Forgets a conversation for good; what it spent still counts. Raises `InputError` for an unknown one."""
        with self._lock:
            dropped = self._named.pop(self.find(name).name)
            self._dropped += dropped.spending.rows(f"{dropped.name} (dropped)")

    def load(self, path: str | PathLike[str], name: str = "", cell: CellRef | None = None) -> Conversation:
        """Puts a saved conversation in the place of the one of this name (or of its own), which `undo` brings back.

        Raises `InputError` when the file holds no conversation.
        """
        loaded = Conversation.load(path)
        target = self.get(name or loaded.name)
        take_over(target, loaded, _("the load"), cell)
        return target

    def end_run(self, cell: CellRef, ok: bool) -> None:
        """To be called after every run of a cell, whatever it did: see `CellRuns.end_run`."""
        for conversation in self:
            conversation.runs.end_run(cell, ok)

    def drop_cells(self, ids: Iterable[str]) -> None:
        """To be called with the cells that the front-end says were deleted."""
        ids = tuple(ids)
        for conversation in self:
            conversation.runs.drop_cells(ids)

    def usage(self, prices: Prices | None = None) -> tuple[Spent, ...]:
        """What was spent in this kernel, a row for each conversation and model, with its cost where it has a price."""
        rows = (*(row for each in self for row in each.spending.rows(each.name)), *self._dropped)
        return tuple(prices.of(row) if prices else row for row in rows)


def _valid(name: str) -> str:
    """The name, if it can be one: letters and digits of any script, and single spaces, `-`, `_`, `.` between them."""
    from unicodedata import category, normalize

    name = normalize("NFC", name)
    # Marks are what vowels are in the scripts of India.
    letters = [category(letter)[0] in "LMN" for letter in name]
    fine = all(good or letter in " -_." for good, letter in zip(letters, name, strict=True))
    if not (fine and letters and letters[0] and letters[-1] and "  " not in name and len(name) <= LONGEST_NAME):
        shown = name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…"
        raise InputError(
            _("{shown!r} cannot be the name of a conversation.", shown=shown),
            _(
                "Take letters and digits, with spaces, - _ or . between them, at most {longest_name}.",
                longest_name=LONGEST_NAME,
            ),
        )
    return name


def _nearest(name: str, names: Iterable[str]) -> str:
    """What to do about an unknown name: the nearest ones."""
    from difflib import get_close_matches

    by_fold = {known.casefold(): known for known in names}
    if not by_fold:
        return _("There is none yet: ask one with -c NAME.")
    close = get_close_matches(name.casefold(), by_fold, n=3, cutoff=0.5)
    found = ", ".join(by_fold[fold] for fold in close or by_fold)
    return _("Did you mean {name}?", name=found) if close else _("There are: {found}.", found=found)


def _taken(name: str) -> InputError:
    return InputError(
        _("There is a conversation {name!r} already.", name=name), _("Take another name, or drop that one first.")
    )
