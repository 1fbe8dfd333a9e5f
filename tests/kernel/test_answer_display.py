"""How a notebook shows an answer that did not just stream: from a pickle, as a copy, after the extension has gone."""

from __future__ import annotations

import pickle
from pathlib import Path

from support.kernels import Kernel

from qwen_magic.core.answer import Answer

ANSWER = Answer("It is **42**.", model="qwen-plus", endpoint="beijing")
LOAD = "import pickle; answer = pickle.load(open('answer.pickle', 'rb'))"
RECORD = {"text/html", "text/markdown", "text/plain"}


def shown(kernel: Kernel, code: str) -> dict[str, str]:
    """The data of the display that `code` ends with."""
    (output,) = kernel.run(code).saved
    return dict(output["data"])


def test_an_answer_out_of_a_pickle_is_shown_where_nothing_was_loaded_or_asked(
    fresh_kernel: Kernel, tmp_path: Path
) -> None:
    (Path(fresh_kernel.value("__import__('os').getcwd()")) / "answer.pickle").write_bytes(pickle.dumps(ANSWER))
    assert fresh_kernel.run(LOAD).status == "ok"
    data = shown(fresh_kernel, "answer")
    assert set(data) == RECORD
    assert "<strong>42</strong>" in data["text/html"]
    copied = shown(fresh_kernel, "import copy, dataclasses\ndataclasses.replace(copy.deepcopy(answer), text='*so*')")
    assert "<em>so</em>" in copied["text/html"]
    assert fresh_kernel.run("%load_ext qwen_magic\n%unload_ext qwen_magic").status == "ok"
    assert shown(fresh_kernel, "answer") == data
