"""`-f`, `-i`, `-v` and `@path` in a real kernel: what is sent, what is shown, and that it is uploaded once."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.kernels import Kernel, Result

from qwen_magic.assistant.attachment_store import BUDGET, AttachmentStore
from qwen_magic.attachments import Attachment
from qwen_magic.core.errors import InputError
from qwen_magic.core.settings import Settings
from qwen_magic.provider.provider import Provider
from qwen_magic.sandbox import Sandbox
from qwen_magic.sandbox.request_log import Recorded
from qwen_magic.service.credentials import Credentials

ASK = "%%qwen\n"
LONG = "word " * 40_000


@pytest.fixture
def folder(notebook: Kernel) -> Path:
    """Where the kernel runs, with some files in it."""
    place = notebook.folder
    (place / "notes.md").write_text("# Notes\nRemember the milk.\n", encoding="utf-8")
    (place / "data.csv").write_text("name,qty\napple,3\n梨,12\n", encoding="utf-8")
    (place / "long.txt").write_text(LONG, encoding="utf-8")
    notebook.run("from PIL import Image; Image.new('RGB', (64, 48), 'teal').save('plot one.png')")
    return place


def posts(sandbox: Sandbox, ending: str = "chat/completions") -> list[Recorded]:
    return [request for request in sandbox.requests if request.method == "POST" and request.path.endswith(ending)]


def last(sandbox: Sandbox) -> Any:
    return posts(sandbox)[-1].body


def words(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def file_ids(sandbox: Sandbox) -> list[str]:
    systems = [words(message) for message in last(sandbox)["messages"] if message["role"] == "system"]
    return [each.removeprefix("fileid://") for text in systems if "fileid://" in text for each in text.split(",")]


def delete(sandbox: Sandbox, file_id: str) -> None:
    gone = httpx.delete(f"{sandbox.compatible_url}/files/{file_id}", headers={"Authorization": f"Bearer {sandbox.key}"})
    assert gone.json()["deleted"]


def shown(result: Result) -> str:
    return str(result.saved[-1]["data"]["text/html"])


@pytest.mark.parametrize(
    "line",
    [
        "%%qwen -f notes.md\nWhat?",
        "%%qwen -f '*.md'\nWhat?",
        "%%qwen\nWhat is in @notes.md?",
        "%qwen -f notes.md What?",
    ],
)
def test_a_small_text_goes_inline_named_and_fenced(notebook: Kernel, folder: Path, sandbox: Sandbox, line: str) -> None:
    result = notebook.run(line)
    assert result.status == "ok", result.error
    asked = words(last(sandbox)["messages"][-1])
    assert "notes.md" in asked
    assert "```markdown\n# Notes\nRemember the milk.\n```" in asked
    assert "notes.md" in shown(result)


def test_a_word_behind_an_at_sign_that_is_no_file_stays_text(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run(ASK + "Ask me@example.org about @nobody and @media queries")
    assert words(last(sandbox)["messages"][-1]) == "Ask me@example.org about @nobody and @media queries"


def test_an_image_is_seen_by_the_vision_model_and_that_is_said(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    result = notebook.run(ASK + 'What is on @"plot one.png"?')
    body = last(sandbox)
    assert body["model"] == "qwen3-vl-plus"
    image, text = body["messages"][-1]["content"]
    data = base64.b64decode(image["image_url"]["url"].partition("base64,")[2])
    facts = result.saved[-1]["metadata"]["qwen"]["attachments"][0]
    assert (facts["name"], facts["sha256"]) == ("plot one.png", hashlib.sha256(data).hexdigest())
    assert text["text"].startswith("What is on")
    assert "qwen3-vl-plus answers" in shown(result)


def test_files_and_images_stand_in_the_order_in_which_they_were_typed(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("Image.new('RGB', (40, 40), 'red').save('second.png')")
    result = notebook.run("%%qwen -i 'plot one.png' -f notes.md -i second.png\nWhat?")
    attached = [each["name"] for each in result.saved[-1]["metadata"]["qwen"]["attachments"]]
    assert attached == ["plot one.png", "notes.md", "second.png"]
    kinds = [part["type"] for part in last(sandbox)["messages"][-1]["content"]]
    assert kinds == ["image_url", "text", "image_url", "text"]


def test_the_native_form_of_an_image(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run(f"%qwen use {sandbox.native_url}")
    assert notebook.run("%%qwen -i 'plot one.png'\nWhat?").status == "ok"
    request = sandbox.requests[-1]
    assert request.path.endswith("multimodal-generation/generation")
    assert request.body["input"]["messages"][-1]["content"][0]["image"].startswith("data:image/png;base64,")


def test_a_model_that_cannot_see_is_refused_when_it_was_named(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    result = notebook.run("%%qwen -m qwen-max -i 'plot one.png'\nWhat?")
    assert "does not see" in result.error
    assert not posts(sandbox)


def test_a_large_text_is_uploaded_once_and_referred_to(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    result = notebook.run("%%qwen -f long.txt\nSum it up.")
    assert result.status == "ok", result.error
    body = last(sandbox)
    assert body["model"] == "qwen-long"
    file_id = body["messages"][1]["content"]
    assert file_id.startswith("fileid://file-fe-")
    assert LONG not in str(body)
    notebook.run(ASK + "And in one word?")
    notebook.run("%%qwen --alone -f long.txt\nOnce more.")
    assert len(posts(sandbox, "/files")) == 1
    assert last(sandbox)["messages"][1]["content"] == file_id


def test_an_upload_is_remembered_by_the_next_kernel(
    start_kernel: Callable[..., Kernel], notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("%%qwen --alone -f long.txt\nSum it up.")
    uploads = len(posts(sandbox, "/files"))
    other = start_kernel(JUPYTER_DATA_DIR=notebook.value("__import__('os').environ['JUPYTER_DATA_DIR']"))
    other.use(sandbox.compatible_url, sandbox.key)
    assert other.run(f"%%qwen -f {folder / 'long.txt'}\nSum it up.").status == "ok"
    assert len(posts(sandbox, "/files")) == uploads


def test_a_document_that_vanished_from_the_service_is_uploaded_again(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("%%qwen -f long.txt\nSum it up.")
    (folder / "long.txt").unlink()
    assert "1 of 1 deleted" in notebook.run("%qwen files prune").text
    result = notebook.run(ASK + "And in one word?")
    assert result.status == "ok", result.error


def test_a_document_that_somebody_deleted_on_the_service_is_uploaded_again(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("%%qwen -f long.txt\nSum it up.")
    file_id = last(sandbox)["messages"][1]["content"].removeprefix("fileid://")
    delete(sandbox, file_id)
    (folder / "long.txt").unlink()
    result = notebook.run(ASK + "And in one word?")
    assert result.status == "ok", result.error
    assert last(sandbox)["messages"][1]["content"] not in ("", f"fileid://{file_id}")


def test_the_wait_for_a_document_that_is_still_being_read_is_over_by_itself(notebook: Kernel, folder: Path) -> None:
    with Sandbox(parsing_polls=1) as slow:
        notebook.use(slow.compatible_url, slow.key)
        assert notebook.run("%%qwen --alone -f long.txt\nSum it up.").status == "ok"
        statuses = [request.status for request in slow.requests if request.path.endswith("chat/completions")]
    assert statuses == [400, 200]


def test_of_two_documents_only_the_one_that_has_gone_is_uploaded_again(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    (folder / "other.txt").write_text("another " * 40_000, encoding="utf-8")
    notebook.run("%%qwen -f long.txt -f other.txt\nCompare them.")
    (first, second), uploads = file_ids(sandbox), len(posts(sandbox, "/files"))
    delete(sandbox, first)
    result = notebook.run(ASK + "And in one word?")
    assert result.status == "ok", result.error
    assert file_ids(sandbox)[1] == second
    assert len(posts(sandbox, "/files")) == uploads + 1
    for file_id in file_ids(sandbox):
        delete(sandbox, file_id)
    result = notebook.run(ASK + "And in two?")
    assert result.status == "ok", result.error
    assert len(posts(sandbox, "/files")) == uploads + 3


def test_more_documents_than_the_model_reads_are_refused_before_they_are_uploaded(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    (folder / "other.txt").write_text("another " * 40_000, encoding="utf-8")
    result = notebook.run("%%qwen -m qwen-doc-turbo -f long.txt -f other.txt\nCompare them.")
    assert "These are 2 documents, with those of earlier turns, and qwen-doc-turbo reads 1 at once" in result.error
    assert not sandbox.requests
    assert notebook.run("%%qwen -m qwen-doc-turbo -f long.txt\nSum it up.").status == "ok"
    uploads = len(posts(sandbox, "/files"))
    assert "These are 2" in notebook.run("%%qwen -m qwen-doc-turbo -f other.txt\nAnd this?").error
    assert len(posts(sandbox, "/files")) == uploads
    assert notebook.run("%%qwen -m qwen-doc-turbo --alone -f other.txt\nAnd this?").status == "ok"


@pytest.mark.parametrize("model", ["qwen-long", "qwen-doc-turbo"])
def test_nothing_is_uploaded_for_a_question_that_is_refused(
    notebook: Kernel, folder: Path, sandbox: Sandbox, model: str
) -> None:
    notebook.run("import qwen_magic")
    result = notebook.run(f"qwen_magic.ask('word ' * 300_000, model={model!r}, files='long.txt')")
    assert "The question alone is about 37" in result.error
    assert not sandbox.requests


def test_beside_a_document_words_are_left_out_and_the_document_stays(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("import qwen_magic")
    notebook.run("qwen_magic.ask('Sum it up.', files='long.txt')")
    for number in range(3):
        result = notebook.run(f"qwen_magic.ask('{number} ' + 'word ' * 3_000)")
        assert result.status == "ok", result.error
    assert "left out" in shown(result)
    asked = "".join(words(message) for message in last(sandbox)["messages"] if message["role"] == "user")
    assert asked.startswith("Sum it up.1 word")
    assert len(file_ids(sandbox)) == 1


def test_texts_beside_a_document_have_one_allowance_for_the_whole_conversation(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"{name} " * 2_500, encoding="utf-8")
    notebook.run("%%qwen -f long.txt -f one.txt\nSum them up.")
    result = notebook.run("%%qwen -f two.txt\nAnd this?")
    assert "left out" not in shown(result)
    assert len(file_ids(sandbox)) == 2


def test_where_no_documents_can_be_uploaded_a_large_text_is_quoted(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("%qwen use singapore")
    text = notebook.run("%%qwen --dry-run -f long.txt\nSum it up.").text
    assert '"model": "qwen-plus"' in text
    assert "fileid" not in text
    text = notebook.run("%%qwen --dry-run -m qwen-long -f long.txt\nSum it up.").text
    assert "fileid" not in text
    assert "word word" in text


def test_a_model_that_takes_one_message_is_asked_alone(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run(ASK + "Hello")
    result = notebook.run("%%qwen -m qwen-mt-plus -s 'Be brief.'\nGood morning")
    assert result.status == "ok", result.error
    assert [message["role"] for message in last(sandbox)["messages"]] == ["user"]
    assert "asked alone: qwen-mt-plus takes one message" in shown(result)


def test_such_a_model_cannot_go_on_with_an_answer_that_was_cut(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%%qwen -m qwen-mt-plus\nsandbox: cut")
    assert notebook.value("_qwen.text")
    assert "qwen-mt-plus takes one message, and cannot go on" in notebook.run("%qwen continue").error
    assert len(sandbox.requests) == 1


NOISE = "import os; from PIL import Image; Image.frombytes('RGB', (1500, 1490), os.urandom(6_705_000)).save({!r})"


def ask_of_pictures(notebook: Kernel, options: str = "") -> Iterator[Result]:
    for number in range(3):
        notebook.run(NOISE.format(f"{number}.png"))
        yield notebook.run(f"%%qwen {options} -i {number}.png\nWhat is this?")


def test_earlier_pictures_are_left_out_when_the_request_grows_too_large(notebook: Kernel, sandbox: Sandbox) -> None:
    pytest.importorskip("PIL.Image")
    results = list(ask_of_pictures(notebook))
    assert [result.status for result in results] == ["ok"] * 3, [result.error for result in results]
    assert "left out" not in shown(results[0])
    assert "1 earlier turn left out" in shown(results[1])
    assert "2 earlier turns left out" in shown(results[2])


def test_pinned_pictures_are_refused_when_the_request_grows_too_large(notebook: Kernel, sandbox: Sandbox) -> None:
    pytest.importorskip("PIL.Image")
    results = list(ask_of_pictures(notebook, "--pin"))
    assert results[0].status == "ok"
    assert "The question with the pinned turns has 17.1 MB, and a request takes 15.8 MB" in results[1].error
    assert len(sandbox.requests) == 1


def test_earlier_pictures_count_among_those_of_a_request(notebook: Kernel, sandbox: Sandbox) -> None:
    pytest.importorskip("PIL.Image")
    notebook.run("from PIL import Image\nimport qwen_magic")
    make = "{{f'p{{n}}': Image.new('RGB', (20, 20), (n, {0}, 0)) for n in range(130)}}"
    for number in range(2):
        result = notebook.run(f"qwen_magic.ask('What?', variables={make.format(number)})")
        assert result.status == "ok", result.error
    assert "1 earlier turn left out" in shown(result)


def test_a_follow_up_works_after_the_file_has_changed(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run("%%qwen -f notes.md\nWhat?")
    (folder / "notes.md").write_text("Something else", encoding="utf-8")
    notebook.run(ASK + "And then?")
    assert "Remember the milk" in words(last(sandbox)["messages"][0])


def test_what_is_in_the_context_already_is_not_sent_twice(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run("%%qwen -f notes.md\nWhat?")
    result = notebook.run("%%qwen -f notes.md\nAgain?")
    assert "Remember the milk" not in words(last(sandbox)["messages"][-1])
    assert "attached already" in shown(result)


def test_a_document_is_read_once_for_the_search_for_secrets_and_for_all_questions(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("import docx; letter = docx.Document(); letter.add_paragraph('Dear Ann'); letter.save('a.docx')")
    notebook.run("import sys; started = []")
    notebook.run("sys.addaudithook(lambda name, _, kept=started: name == 'subprocess.Popen' and kept.append(name))")
    for line in ("%%qwen -m qwen3-max -f a.docx\nWhat?", "%%qwen -m qwen3-max\nAnd then?"):
        result = notebook.run(line)
        assert result.status == "ok", result.error
        assert "Dear Ann" in str(last(sandbox))
        assert notebook.value("len(started)") == 1


def test_with_a_model_of_ones_own_a_large_text_is_quoted_and_cut(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    result = notebook.run("%%qwen -m qwen-plus -f long.txt\nSum it up.")
    assert not posts(sandbox, "/files")
    assert last(sandbox)["model"] == "qwen-plus"
    assert "cut after" in shown(result)


def test_variables_and_tables_are_described(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run("prices = {'apple': 3}")
    notebook.run("%%qwen -v prices -f data.csv\nWhat?")
    asked = words(last(sandbox)["messages"][-1])
    assert "'apple': 3" in asked
    assert "梨" in asked


def test_ask_attaches_too(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run("import qwen_magic")
    asking = "a = qwen_magic.ask('What is @data.csv?', files='notes.md', variables={'x': [1, 2]}, show=False)"
    assert notebook.run(asking).status == "ok"
    asked = words(last(sandbox)["messages"][-1])
    assert "Remember the milk" in asked
    assert "x" in asked
    assert "apple" not in asked
    assert notebook.value("[attached.name for attached in a.attachments]") == ["notes.md", "x"]


def test_a_dry_run_shows_what_would_go_along_and_uploads_nothing(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    text = notebook.run("%%qwen --dry-run -f long.txt -f notes.md\nWhat?").text
    assert "Attached: long.txt" in text
    assert "Attached: notes.md" in text
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-f note.md", "Did you mean notes.md"),
        ("-f .", "folder"),
        ("-f '*.xyz'", "No file matches"),
        ("-v pricse", "There is no variable"),
        ("-i notes.md", "notes.md"),
        ("-f http://127.0.0.1:9/x", "127.0.0.1"),
        ("--rows many -f data.csv", "number of rows"),
        ("-f .env", "--force"),
    ],
)
def test_what_cannot_be_attached_is_one_clear_line_and_nothing_is_sent(
    notebook: Kernel, folder: Path, sandbox: Sandbox, line: str, says: str
) -> None:
    (folder / ".env").write_text("DB_PASSWORD=hunter2", encoding="utf-8")
    result = notebook.run(f"%%qwen {line}\nWhat?")
    assert result.status == "error"
    assert says in result.error
    assert not sandbox.requests


def test_files_on_the_service_are_listed_and_deleted(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run("%%qwen --alone -f long.txt\nSum it up.")
    listed = notebook.run("%qwen files").text
    assert "long.txt" in listed
    file_id = next(word for word in listed.split() if word.startswith("file-fe-"))
    assert "1 of 1 deleted" in notebook.run(f"%qwen files rm {file_id}").text
    assert "There is no file" in notebook.run(f"%qwen files rm {file_id}").error


@pytest.mark.parametrize("code", ["%qwen -f no", "%%qwen -f no", "%%qwen\nLook at @no", "%qwen Look at @no"])
def test_tab_completes_paths(notebook: Kernel, folder: Path, code: str) -> None:
    assert any("notes.md" in match for match in notebook.complete(code))


def test_a_conversation_can_be_saved_without_its_pictures(notebook: Kernel, sandbox: Sandbox, tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")
    picture, full, light = (tmp_path / name for name in ("noise.png", "full.json", "light.json"))
    images.effect_noise((300, 300), 80).save(picture)
    notebook.run(f"%%qwen -i {picture}\nWhat is this?", cell_id="a")
    notebook.run(f"%qwen save {full}\n%qwen save {light} --no-pictures", cell_id="b")
    assert light.stat().st_size * 5 < full.stat().st_size
    notebook.run(f"%qwen load {light} again", cell_id="c")
    result = notebook.run("%%qwen -c again\nAnd what was it?", cell_id="d")
    assert result.status == "ok", result.error
    assert "noise.png" in str(sandbox.requests[-1].body)


def test_ask_refuses_what_it_cannot_take_in_one_line_and_takes_one_name(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("import qwen_magic, datetime; day = datetime.date(2024, 5, 6)")
    for call, happened in (
        ("None", "A question is text, and this is of the type NoneType."),
        ("'?', files=3", "files and images take paths, and this is of the type int."),
        ("'?', images=[day]", "files and images take paths, and this is of the type date."),
        ("'?', variables=day", "variables takes names, and this is of the type date."),
    ):
        reply = notebook.run(f"qwen_magic.ask({call})").reply
        assert happened in reply["evalue"]
        assert len(reply["traceback"]) == 1
    assert not posts(sandbox)
    notebook.run("qwen_magic.ask('?', variables='day')")
    assert "2024" in str(last(sandbox))


HELD = (
    "(lambda gc: gc.collect() and 0 or sum("
    "each.size for each in gc.get_objects() if type(each).__name__ == 'Attachment'))(__import__('gc'))"
)


def test_what_was_attached_alone_is_not_held_after_the_next_question(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("%%qwen --alone -f long.txt -m qwen-long\nWhat?")
    notebook.run("%%qwen --alone\nHello")
    assert notebook.value(HELD) == 0
    notebook.run("%%qwen -f long.txt -m qwen-long\nWhat?")
    notebook.run("%%qwen\nAnd then?")
    assert notebook.value(HELD) == len(LONG)


def test_what_was_attached_alone_is_uploaded_anew_when_the_service_has_lost_it(
    notebook: Kernel, folder: Path, sandbox: Sandbox
) -> None:
    notebook.run("%%qwen --alone -f long.txt -m qwen-long\nWhat?")
    uploaded = file_ids(sandbox)
    delete(sandbox, *uploaded)
    assert notebook.run("%%qwen --alone -f long.txt -m qwen-long\nWhat?").status == "ok"
    assert file_ids(sandbox) != uploaded


def test_attachments_are_held_within_a_budget_the_newest_first() -> None:
    store = AttachmentStore(Provider(Settings(), Credentials({})))
    half = bytes(BUDGET // 2)
    first, second, third = (Attachment(name, "document", "document", half, "", sha256=name) for name in "abc")
    store.keep((first, second))
    store.keep((first,))  # attached again, it is the newest
    store.keep((third,))
    assert store.again({"a": "a.pdf", "c": "c.pdf"})
    with pytest.raises(InputError, match=r"b\.pdf was attached .* long ago"):
        store.again({"b": "b.pdf"})


# --- variables behind an @, tables without values, secrets


def test_a_variable_behind_an_at_sign_goes_along(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run("rows = [{'town': 'Rome'}]\ndef double(x):\n    return 2 * x")
    assert notebook.run(ASK + "What is in @rows?").status == "ok"
    assert "'town': 'Rome'" in words(last(sandbox)["messages"][-1])
    assert notebook.run("%%qwen -v double -v 'len(rows)'\nWhat?").status == "ok"
    asked = words(last(sandbox)["messages"][-1])
    assert "def double(x):\n    return 2 * x" in asked
    assert "Variable `len(rows)` (int)" in asked


def test_no_value_of_a_table_is_in_the_request_without_values(notebook: Kernel, folder: Path, sandbox: Sandbox) -> None:
    notebook.run("import pandas as pd; frame = pd.DataFrame({'town': ['Zebedee'], 'pay': [48151623]})")
    notebook.run("frame.to_csv('small.csv', index=False)")
    result = notebook.run("%%qwen --no-values -v frame -f small.csv\nWhat is in @frame?")
    assert result.status == "ok", result.error
    request = str(last(sandbox))
    assert "town" in request
    assert "Zebedee" not in request
    assert "48151623" not in request
    asked = "qwen_magic.ask('What?', variables='frame', files='small.csv', values=False)"
    assert notebook.run(f"import qwen_magic; {asked}").status == "ok"
    assert "town" in str(last(sandbox))
    assert "Zebedee" not in str(last(sandbox))


@pytest.mark.parametrize(
    "line",
    [
        "%%qwen\nWhy is {key} refused?",
        "%%qwen -s 'The key is {key}'\nWhy?",
        "%qwen system The key is {key}\n%qwen Why?",
        "%%qwen\nWhy is {{{{ key }}}} refused?",
        "%%qwen\nWhy is @key refused?",
        "%%qwen -v key\nWhy?",
        "%%qwen --set user={key}\nWhy?",
        '%%qwen --set \'metadata={{"by": ["{key}"]}}\'\nWhy?',
        "%%qwen -f key.txt\nWhy?",
    ],
)
def test_a_key_leaves_by_no_door_unless_it_is_forced(
    notebook: Kernel, folder: Path, sandbox: Sandbox, line: str
) -> None:
    key = "ghp_" + "a1B2c3D4e" * 4
    (folder / "key.txt").write_text(f"GITHUB = {key}\n", encoding="utf-8")
    notebook.run(f"key = {key!r}")
    result = notebook.run(line.format(key=key))
    assert "holds what looks like a key of GitHub" in result.error
    assert key not in result.error
    assert not posts(sandbox)
    forced = notebook.run(re.sub("^%%?qwen(?! system)", r"\g<0> --force", line.format(key=key), count=1, flags=re.M))
    assert forced.status == "ok", forced.error
    assert key in str(last(sandbox))
