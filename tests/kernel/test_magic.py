"""`%%qwen` in a real kernel, against the sandbox over real HTTP."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.faults import HEADERS, LAST, FaultServer, framed, plain
from support.kernels import Kernel, Result
from support.wire import chunk, sse

from qwen_magic.sandbox import Sandbox

ASK = "%%qwen\n"


def bodies(sandbox: Sandbox) -> list[Any]:
    return [request.body for request in sandbox.requests if request.method == "POST"]


def contents(body: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in body["messages"]]


def test_a_cell_asks_and_shows_the_answer(notebook: Kernel, sandbox: Sandbox) -> None:
    result = notebook.run(ASK + "What does a p-value of 0.03 say?")
    assert result.status == "ok", result.error
    assert "What does a p-value" in result.text
    assert contents(bodies(sandbox)[-1]) == [("user", "What does a p-value of 0.03 say?")]


def test_the_second_cell_has_the_first_in_its_context(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "First question")
    result = notebook.run(ASK + "And then?")
    assert [role for role, _ in contents(bodies(sandbox)[-1])] == ["user", "assistant", "user"]
    assert "First question" in result.text


@pytest.mark.parametrize("protocol", ["compatible", "dashscope"])
def test_both_protocols_answer(notebook: Kernel, sandbox: Sandbox, protocol: str) -> None:
    notebook.run(f"%qwen use {sandbox.compatible_url} --protocol {protocol}")
    assert "one two three" in notebook.run(ASK + "sandbox: echo\none two three").text
    path = sandbox.requests[-1].path
    assert path.endswith("chat/completions" if protocol == "compatible" else "text-generation/generation")


def test_a_line_asks_too(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%qwen What's {up} with $this?")
    assert contents(bodies(sandbox)[-1]) == [("user", "What's {up} with $this?")]


@pytest.mark.parametrize(
    "prompt",
    [
        "{'a': 1} {\"b\": [1, {}]}",
        r"\frac{a}{b} $x_{i}$ \alpha\\",
        "$HOME ${HOME} %d %s {0} {} {{}}",
        "“引号”，**注意：**请看 \u2028 ok",
        "a\n\n    indented\n\n\nb",
    ],
)
def test_a_prompt_is_sent_as_it_was_written(notebook: Kernel, sandbox: Sandbox, prompt: str) -> None:
    notebook.run(ASK + prompt)
    assert contents(bodies(sandbox)[-1])[-1] == ("user", prompt)


def test_expressions_are_evaluated_in_the_notebook(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("n = 3")
    notebook.run(ASK + "Give {{ n + 1 }} examples")
    assert contents(bodies(sandbox)[-1])[-1] == ("user", "Give 4 examples")


def test_an_expression_that_fails_sends_nothing(notebook: Kernel, sandbox: Sandbox) -> None:
    result = notebook.run(ASK + "about {{ missing_name }}")
    assert result.status == "error"
    assert "missing_name" in result.error
    assert not bodies(sandbox)


def test_the_answer_is_in_the_notebooks_variables(notebook: Kernel) -> None:
    notebook.run("%%qwen -o reply\nsandbox: echo\nSome text\n\n```python\nx = 1\n```\n")
    assert notebook.value("reply.text.strip()").startswith("Some text")
    assert notebook.value("reply is _qwen")
    assert notebook.value("[(block.language, str(block)) for block in reply.code]") == [("python", "x = 1\n")]
    assert notebook.value("(reply.finish_reason, reply.model, reply.usage.input > 0, reply.seconds > 0)") == (
        "stop", "qwen-plus", True, True,
    )  # fmt: skip
    assert notebook.value("reply.request_id")


def test_thinking_is_kept_apart_from_the_answer(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%%qwen --think\nHow many?")
    assert bodies(sandbox)[-1]["enable_thinking"] is True
    assert notebook.value("bool(_qwen.reasoning) and _qwen.reasoning not in _qwen.text")
    notebook.run("%%qwen --no-think\nHow many?")
    assert bodies(sandbox)[-1]["enable_thinking"] is False


def test_options_reach_the_request(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(
        "%%qwen -m qwen-max -s 'Be brief' --search --set temperature=0.25 --set seed=7 --set stop='[\"END\"]'\nHello"
    )
    body = bodies(sandbox)[-1]
    assert body["model"] == "qwen-max"
    assert contents(body)[0] == ("system", "Be brief")
    assert (body["enable_search"], body["temperature"], body["seed"], body["stop"]) == (True, 0.25, 7, ["END"])


def test_asked_alone_there_is_no_context_and_nothing_is_kept(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "One")
    notebook.run("%%qwen --alone\nTwo")
    assert len(contents(bodies(sandbox)[-1])) == 1
    notebook.run(ASK + "Three")
    assert [text for role, text in contents(bodies(sandbox)[-1]) if role == "user"] == ["One", "Three"]


def test_a_dry_run_shows_the_request_and_sends_nothing(notebook: Kernel, sandbox: Sandbox) -> None:
    result = notebook.run("%%qwen --dry-run --set top_k=5\nHello")
    assert not bodies(sandbox)
    assert "POST " + sandbox.compatible_url in result.text
    assert '"top_k": 5' in result.text
    assert sandbox.key not in result.text
    notebook.run(ASK + "Next")
    assert len(contents(bodies(sandbox)[-1])) == 1


def test_a_dry_run_shows_the_headers_that_are_sent(notebook: Kernel, sandbox: Sandbox) -> None:
    shown = notebook.run("%%qwen --dry-run\nHello").text
    notebook.run(ASK + "Hello")
    headers = {name.lower(): value for name, value in sandbox.requests[-1].headers.items()}
    for line in shown.split("\n\n")[0].splitlines()[1:]:
        name, value = line.split(": ", 1)
        assert headers[name.lower()].startswith(value.removeprefix("Bearer "))
    with FaultServer() as server:
        server.listing = plain("200 OK", b'{"data": [{"id": "qwen3-8b"}]}')
        notebook.run(f"import os; os.environ.pop('QWEN_API_KEY')\n%qwen use {server.url}")
        shown = notebook.run("%%qwen --dry-run\nHello").text
    assert "Accept: text/event-stream" in shown
    assert "Authorization" not in shown


def test_a_question_mark_at_the_end_of_a_line_is_not_a_call_for_help(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("if True:\n    %qwen -m qwen-max What is `len`?\n%qwen 真的吗？")
    assert [contents(body)[-1][1] for body in bodies(sandbox)] == ["What is `len`?", "真的吗？"]
    assert "--dry-run" in json.dumps(notebook.run("%qwen?").reply)


def test_what_only_looks_like_a_question_stays_what_it_is(notebook: Kernel, sandbox: Sandbox) -> None:
    text = "\n%qwen What?\n"
    notebook.run(f"text = '''{text}'''  # %qwen What?\n%qwen Is it (a paren\n%qwen What's `that`?")
    assert notebook.value("text") == text
    assert [contents(body)[-1][1] for body in bodies(sandbox)] == ["Is it (a paren", "What's `that`?"]


def test_a_single_word_is_a_question_when_it_has_something_to_ask_about(notebook: Kernel, sandbox: Sandbox) -> None:
    for line in ("-v n summarise", "-- fix", "Hello", "为什么", "why?"):
        assert notebook.run(f"n = 1\n%qwen {line}").status == "ok"
    assert len(bodies(sandbox)) == 5


@pytest.mark.parametrize(
    "question",
    [
        "show me how to sort a list",
        "use pandas to read this",
        "load the data with polars",
        "undo that commit: how?",
        "show me what grep -c does",
        "continue the story",
        "-- save",
    ],
)
def test_a_question_may_begin_with_the_name_of_a_command(notebook: Kernel, sandbox: Sandbox, question: str) -> None:
    assert notebook.run(f"%qwen {question}").status == "ok"
    assert contents(bodies(sandbox)[-1]) == [("user", question.removeprefix("-- "))]


def test_ask_does_the_same_from_python(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(
        "import qwen_magic\n"
        "once = dict(alone=True, show=False, fields={'temperature': 0.5})\n"
        "answers = [qwen_magic.ask(f'sandbox: echo\\nword {n}', **once) for n in range(3)]"
    )
    assert notebook.value("[answer.text.strip() for answer in answers]") == ["word 0", "word 1", "word 2"]
    assert bodies(sandbox)[-1]["temperature"] == 0.5


def test_the_screen_of_help_explains_everything(notebook: Kernel) -> None:
    for line in ("%qwen", "%qwen help"):
        text = notebook.run(line).text
        assert "--dry-run" in text
        assert "continue" in text
        assert "\nMany rows\n" in text
        assert len(text.splitlines()) < 95
    shown = notebook.run("%%qwen?").reply["payload"][0]["data"]["text/plain"]
    assert "--dry-run" in shown


# --- what goes wrong


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%%qwen --modle x\nHello", "Did you mean --model"),
        ("%%qwen\n   \n", "There is no question"),
        ("%%qwen -o not-a-name\nHello", "not a variable's name"),
        ("%%qwen -c ../x\nHello", "cannot be the name"),
        ("%qwen modles", "Did you mean models"),
        ("%qwen use bejing", "Did you mean beijing"),
        ("%qwen use ollama --protocol smoke", "There is no protocol"),
        ("%qwen undo", "nothing to undo"),
        ("%qwen show a b", "show takes [NAME]. A name with spaces goes in quotes. To ask it: %qwen -- show a b"),
        ("%qwen rename a", "rename takes OLD NEW. To ask it"),
        ("%qwen files blah", "files takes [rm ID … | prune]"),
        ("%qwen use sandbox extra", "use takes [NAME|URL]"),
        ("%qwen reset a b", "reset takes [NAME]"),
        ("%qwen save", "save takes FILE.json"),
        ("%qwen save --no-pictures", "save takes FILE.json"),
        ("%qwen save chat.json --no-picture", "save takes FILE.json"),
        ("%qwen login sk-0123456789abcdef", "login takes nothing more"),
        ("%qwen save 'my chat.json", "is not closed"),
        ("%qwen HELP", "Did you mean help"),
        ("%qwen mend", "There is no command 'mend'. %qwen help lists them. To ask it: %qwen -- mend"),
        ("%qwen clear", "Did you mean reset?"),
        ("%qwen Cost", "Did you mean usage?"),
        ("%qwen -c review cost", "Did you mean usage?"),
        ("%qwen -m qwen-max -m qwen-plus Hello", "-m is given twice"),
        ("%qwen --chat review show", "There is no conversation 'review'"),
        ("%qwen -m qwen-max", "There is no question"),
        ("%qwen -c review", "There is no question"),
        ("%qwen -m qwen-max help", "no option but -c. To ask it: -- help"),
        ("%qwen show nobody", "There is no conversation"),
        ("%qwen load missing.json", "missing.json"),
        ("%qwen load ~nobody-at-all/chat.json", "cannot be read"),
        ("%qwen load /dev/zero", "not a file"),
        ("%qwen save ~nobody-at-all/chat.json", "cannot be written"),
        ("%qwen save missing/chat.json", "cannot be written"),
        ("%qwen export ~nobody-at-all/chat.md", "cannot be written"),
        ("%qwen export chat.txt", "ends neither in .md nor in .html"),
        ("%qwen drop nobody", "There is no conversation"),
        ("%qwen fork " + "x" * 5000, "xxx…' cannot be the name"),
        ("%qwen --help", "%qwen help lists the options"),
        ("%qwen continue", "no answer to go on with"),
        ("%qwen last", "no last answer"),
        ("%%qwen --set temperature\nHello", "KEY=VALUE"),
    ],
)
def test_wrong_input_is_one_clear_line_and_fails_the_cell(
    notebook: Kernel, sandbox: Sandbox, cell: str, says: str
) -> None:
    result = notebook.run(cell)
    assert result.status == "error"
    assert says in result.error
    (shown,) = [output for output in result.outputs if output["output_type"] == "error"]
    assert len(shown["traceback"]) == 1
    assert "\n" not in shown["traceback"][0]
    assert not bodies(sandbox)


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("sandbox: filter", "ContentFiltered"),
        ("sandbox: arrears", "AccountOverdue"),
        ("sandbox: 502", "NotTheService"),
        ("sandbox: garbage", "StreamGarbled"),
        ("sandbox: sse-400", "InvalidRequest"),
        ("sandbox: cut", "StreamCut"),
        ("sandbox: stop-early", "StreamCut"),
        ("sandbox: error-mid", "ServiceUnavailable"),
    ],
)
def test_troubles_of_the_service_fail_the_cell_in_one_line(notebook: Kernel, prompt: str, error: str) -> None:
    result = notebook.run(ASK + prompt)
    assert result.status == "error"
    assert result.error.startswith(error + ": ")
    assert "Traceback" not in result.text


def test_a_passing_trouble_is_waited_out(notebook: Kernel) -> None:
    assert notebook.run(ASK + "sandbox: 429\nsandbox: retry-after 0").status == "ok"


@pytest.mark.parametrize("trouble", ["sandbox: cut", "sandbox: filter", "sandbox: length"])
def test_only_finished_turns_are_context(notebook: Kernel, sandbox: Sandbox, trouble: str) -> None:
    notebook.run(ASK + trouble)
    notebook.run(ASK + "Next")
    assert contents(bodies(sandbox)[-1]) == [("user", "Next")]


def test_what_had_arrived_is_shown_when_an_answer_is_cut(notebook: Kernel) -> None:
    result = notebook.run(ASK + "sandbox: cut")
    kept = notebook.value("_qwen.text")
    assert kept
    assert kept.split()[0] in result.text
    assert notebook.value("_qwen.finish_reason") == "failed"


def test_an_answer_that_was_cut_can_be_continued(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "sandbox: cut")
    begun = notebook.value("_qwen.text")
    result = notebook.run("%qwen continue")
    assert result.status == "ok", result.error
    assert bodies(sandbox)[-1]["messages"][-1] == {"role": "assistant", "content": begun, "partial": True}
    assert notebook.value("_qwen.text").startswith(begun)
    assert len(notebook.value("_qwen.text")) > len(begun)
    notebook.run(ASK + "Next")
    assert [role for role, _ in contents(bodies(sandbox)[-1])] == ["user", "assistant", "user"]


def test_the_sandbox_lets_one_in_again_after_logging_out(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic\n%qwen use sandbox\n%qwen logout")
    assert kernel.run("%qwen use sandbox\n%qwen Hello").status == "ok"


def test_what_would_be_an_odd_question_is_refused(notebook: Kernel, sandbox: Sandbox) -> None:
    assert "-c goes before the command" in notebook.run("%qwen system -c new").error
    assert "not a variable's name" in notebook.run("%qwen -o class Hello").error
    assert not bodies(sandbox)


def test_an_answer_that_broke_off_in_the_thinking_begins_anew(kernel: Kernel) -> None:
    thought = (HEADERS, framed(sse(chunk(reasoning_content="Let me see. "), done=False)))
    whole = (HEADERS, framed(sse(chunk(reasoning_content="Hm. "), chunk(content="42"), chunk("stop"))), LAST)
    with FaultServer((*thought, "close"), whole) as server:
        server.listing = plain("200 OK", b'{"data": [{"id": "qwen3-8b"}]}')
        kernel.use(server.url, "sk-test-0123456789abcdef")
        assert kernel.run("%%qwen -m qwen3-8b\nWhat is six times seven?").error.startswith("StreamCut")
        assert kernel.value("_qwen.reasoning") == "Let me see. "
        assert kernel.run("%qwen continue").status == "ok"
        first, again = (json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests)
    assert kernel.value("(_qwen.reasoning, _qwen.text)") == ("Hm. ", "42")
    assert again == first


def test_without_a_key_nothing_is_sent_and_the_ways_on_are_named(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic")
    result = kernel.run(ASK + "Hello")
    assert result.error.startswith("NoKey")
    for way in ("%qwen login", "ollama", "sandbox"):
        assert way in result.error


def test_a_wrong_key_is_told(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.use(sandbox.compatible_url, "wrong-key")
    assert kernel.run(ASK + "Hello").error.startswith("KeyRejected")


def test_an_interrupt_returns_at_once_and_closes_the_connection(notebook: Kernel, sandbox: Sandbox) -> None:
    running = notebook.send(ASK + "sandbox: silent")
    sandbox.wait(bool)
    begun = time.monotonic()
    notebook.interrupt()
    result = running.result()
    took = time.monotonic() - begun
    assert result.status == "error"
    assert "Stopped" in result.text
    assert "Traceback" not in result.text
    assert took < 2  # generous: it is a matter of milliseconds
    sandbox.wait(lambda requests: requests[-1].cut)


@pytest.mark.parametrize(
    "cell",
    [ASK + "Hello?", "import qwen_magic\nqwen_magic.ask('Hello?')", "%qwen models", "%qwen doctor"],
)
def test_whatever_waits_for_a_silent_server_is_stopped_in_one_line(notebook: Kernel, cell: str) -> None:
    with FaultServer(["hang"]) as server:
        notebook.use(server.url, "sk-test-of-silence")
        running = notebook.send(cell)
        notebook.wait(lambda: server.requests)
        notebook.interrupt()
        result = running.result()
        assert server.gone.wait(10)
    assert result.error.startswith("Stopped: It was not done")
    (*_, last) = result.saved
    assert last["traceback"] == [f"Stopped. {result.reply['evalue']}"]


# The kernel interrupts itself just before a message of this type leaves it.
INTERRUPTED = """
import signal

def interrupted(message):
    if message["header"]["msg_type"] == {type!r}:
        get_ipython().display_pub.unregister_hook(interrupted)
        signal.raise_signal(signal.SIGINT)
    return message

get_ipython().display_pub.register_hook(interrupted)
"""


def kept(result: Result) -> str:
    """The record of the answer that a cell has saved, and nothing live."""
    (data,) = [output["data"] for output in result.saved if output["output_type"] == "display_data"]
    assert "application/vnd.jupyter.widget-view+json" not in data
    assert "Traceback" not in result.text
    return str(data["text/markdown"])


def test_an_interrupt_at_the_very_end_loses_nothing(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(INTERRUPTED.format(type="update_display_data"))
    result = notebook.run(ASK + "sandbox: echo\nall of it", cell_id="asks")
    assert result.error == "Stopped: The answer is whole, and kept."
    assert "all of it" in kept(result)
    assert notebook.value("(_qwen.text.strip(), _qwen.finish_reason)") == ("all of it", "stop")
    notebook.run(ASK + "Next", cell_id="next")
    assert len(contents(bodies(sandbox)[-1])) == 3


def test_an_interrupt_before_there_is_anything_to_see_is_an_interrupt_like_any_other(
    notebook: Kernel, sandbox: Sandbox
) -> None:
    notebook.run(INTERRUPTED.format(type="display_data"))
    result = notebook.run(ASK + "sandbox: silent", cell_id="asks")
    assert result.error.startswith("Stopped: Nothing had arrived yet")
    assert "stopped" in kept(result)
    sandbox.wait(lambda requests: all(request.cut for request in requests))  # it may not even have been sent


def test_stopping_twice_is_stopping_once(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(INTERRUPTED.format(type="update_display_data"))
    running = notebook.send(ASK + "sandbox: long 4000\nsandbox: rate 20", cell_id="asks")
    running.until(lambda run: [message for message in run.messages if message.type == "comm_msg"])
    notebook.interrupt()
    result = running.result()
    assert result.error.startswith("Stopped: ")
    assert "stopped" in kept(result)
    assert notebook.value("_qwen.finish_reason") == "stopped"


def test_what_was_stopped_is_kept_and_is_not_context(notebook: Kernel, sandbox: Sandbox) -> None:
    running = notebook.send(ASK + "sandbox: long 4000\nsandbox: rate 20", cell_id="asks")
    running.until(lambda run: any("this is line" in str(message.content) for message in run.messages))
    notebook.interrupt()
    running.result()
    assert notebook.value("_qwen.finish_reason") == "stopped"
    assert notebook.value("len(_qwen.text) > 0")
    notebook.run(ASK + "Next", cell_id="next")
    assert contents(bodies(sandbox)[-1]) == [("user", "Next")]


# --- the shell


def test_the_sandbox_is_an_endpoint_by_name(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic")
    kernel.run("%qwen use sandbox")
    assert "simulator" in kernel.run(ASK + "Who are you?").text


def test_models_are_listed(notebook: Kernel) -> None:
    assert "qwen3-vl-plus" in notebook.run("%qwen models").text


def test_a_login_does_not_show_the_key(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.run("%load_ext qwen_magic")
    kernel.run(f"%qwen use {sandbox.compatible_url}")
    result = kernel.send("%qwen login", answers=[sandbox.key]).result()
    assert result.status == "ok", result.error
    assert sandbox.key not in json.dumps(result.outputs)
    assert kernel.run(ASK + "Hello").status == "ok"
    assert "this session" in kernel.run("%qwen logout").text
    assert kernel.run(ASK + "Hello").error.startswith("NoKey")


def test_questions_whose_threads_log_come_to_an_end(kernel: Kernel) -> None:
    """Without the caller's context, a thread that logs may hang (ipython/ipykernel#1269)."""
    kernel.run("import logging; logging.basicConfig(level=logging.DEBUG, force=True)")
    kernel.run("%load_ext qwen_magic\n%qwen use sandbox")
    for _again in range(12):
        assert kernel.run(ASK + "Hello").status == "ok"


def test_the_key_is_in_nothing_that_the_package_says(kernel: Kernel, sandbox: Sandbox) -> None:
    key = "sk-secret-0123456789abcdef"
    kernel.use(sandbox.compatible_url, key)
    cells = [
        "import logging; logging.basicConfig(level=logging.DEBUG, force=True)",
        "%xmode Verbose",
        ASK + "Hello",
        ASK + "sandbox: 502",
        ASK + "sandbox: cut",
        ASK + "sandbox: filter",
        "%%qwen --dry-run\nHello",
        "%qwen use",
        "%qwen models",
        "%config QwenMagics",
        "%qwen chats",
        "%qwen usage",
        "%qwen last",
        "%qwen save chat.json",
        "%qwen export chat.html",
        "print(open('chat.json').read(), open('chat.html').read())",
        "import qwen_magic; qwen_magic.ask('Hello', model='nope')",
        "get_ipython().magics_manager.registry['QwenMagics'].assistant.__dict__",
        "vars(get_ipython().magics_manager.registry['QwenMagics'].assistant.provider)",
        "%tb",
        "%who_ls",
    ]
    for cell in cells:
        kernel.run(cell)
    everything = json.dumps([message.content for message in kernel.messages if message.type != "execute_input"])
    assert "Hello" in everything
    assert key not in everything
    assert key[3:] not in everything


def test_unloading_leaves_nothing_behind(kernel: Kernel) -> None:
    watched = (
        "(sorted(get_ipython().magics_manager.magics['line']), sorted(get_ipython().magics_manager.magics['cell']),"
        " sorted(get_ipython().magics_manager.registry), len(get_ipython().configurables),"
        " {name: len(callbacks) for name, callbacks in get_ipython().events.callbacks.items()},"
        " sorted(map(str, get_ipython().strdispatchers['complete_command'].strs)),"
        " len(get_ipython().input_transformers_cleanup), len(get_ipython().Completer.custom_matchers),"
        " len(get_ipython().input_transformer_manager.token_transformers))"
    )
    before = kernel.value(watched)
    kernel.run("%load_ext qwen_magic")
    assert kernel.value(watched) != before
    kernel.run("%reload_ext qwen_magic")
    kernel.run("%unload_ext qwen_magic")
    assert kernel.value(watched) == before


def test_reloading_keeps_the_magics_working(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%reload_ext qwen_magic")
    assert notebook.run(f"%qwen use {sandbox.compatible_url}").status == "ok"
    assert notebook.run(ASK + "Hello").status == "ok"


def test_two_shells_in_one_process_do_not_share_a_conversation(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.use(sandbox.compatible_url, sandbox.key)
    result = kernel.run(
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "other = InteractiveShell()\n"
        "other.extension_manager.load_extension('qwen_magic')\n"
        "mine = get_ipython().magics_manager.registry['QwenMagics'].assistant\n"
        "theirs = other.magics_manager.registry['QwenMagics'].assistant\n"
        "print(mine is theirs, mine.conversations is theirs.conversations)"
    )
    assert result.text.strip() == "False False", result.text


def test_configuration_is_heeded(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    notebook = fresh_kernel
    notebook.use(sandbox.compatible_url, sandbox.key)
    notebook.run("%config QwenMagics.model = 'qwen-max'\n%config QwenMagics.system = 'Be kind'")
    notebook.run(ASK + "Hello")
    body = bodies(sandbox)[-1]
    assert body["model"] == "qwen-max"
    assert contents(body)[0] == ("system", "Be kind")


WRONG_SETTINGS = {
    "prices = {'qwen-plus': 'cheap'}": "The form is {'qwen-plus': (0.8, 2.0)}",
    "prices = {'qwen-plus': (1, -1)}": "The form is {'qwen-plus': (0.8, 2.0)}",
    "prices = {'qwen-plus': 2}": "The form is {'qwen-plus': (0.8, 2.0)}",
    "endpoint = 'bejing'": "Did you mean beijing",
    "endpoint = 'http://localhost:8000'": "does not end with /v1",
    "protocol = 'smoke'": "'compatible', 'dashscope'",
    "vision_model = ''": "there must be a model",
    "idle_timeout = -1": "greater than 0",
    "engine_idle = float('nan')": "greater than 0",
    "think = 'yes'": "expected a boolean",
}


def test_a_wrong_setting_is_refused_and_the_old_one_stays(fresh_kernel: Kernel) -> None:
    fresh_kernel.run("%load_ext qwen_magic")
    for setting, says in WRONG_SETTINGS.items():
        value = f"getattr(get_ipython().magics_manager.registry['QwenMagics'], {setting.split()[0]!r})"
        before = fresh_kernel.value(value)
        said = fresh_kernel.run(f"%config QwenMagics.{setting}").text.strip()
        assert says in said
        assert "\n" not in said
        assert fresh_kernel.value(value) == before
    fresh_kernel.run("%config QwenMagics.model = 'qwen-max'")
    assert "qwen-max" in fresh_kernel.run("%config QwenMagics.model").text


def test_a_wrong_setting_of_the_profile_is_one_line(fresh_kernel: Kernel) -> None:
    load = "get_ipython().extension_manager.load_extension('qwen_magic')"
    fresh_kernel.run("get_ipython().config.QwenMagics.prices = {'qwen-plus': 'cheap'}")
    error = fresh_kernel.run(load).error
    assert error.startswith("ConfigurationError: A setting is wrong.")
    assert "The form is" in error
    fresh_kernel.run("get_ipython().config.QwenMagics.prices = {'qwen-plus': (1, 2)}")
    assert fresh_kernel.run(load).status == "ok"


def test_the_environment_configures_too(start_kernel: Callable[..., Kernel], sandbox: Sandbox) -> None:
    kernel = start_kernel(QWEN_BASE_URL=sandbox.compatible_url, QWEN_MODEL="qwen-max", QWEN_API_KEY=sandbox.key)
    kernel.run("%load_ext qwen_magic")
    assert kernel.run(ASK + "Hello").status == "ok"
    assert bodies(sandbox)[-1]["model"] == "qwen-max"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("%%qwen --mo", "--model"),
        ("%%qwen -m qwen3-vl", "qwen3-vl-plus"),
        ("%qwen us", "use"),
        ("%qwen use beij", "beijing"),
        ("%qwen use loc", "local:"),
        ("%qwen use x --protocol da", "dashscope"),
    ],
)
def test_tab_completes(notebook: Kernel, code: str, expected: str) -> None:
    assert expected in notebook.complete(code)


@pytest.mark.parametrize(
    ("code", "whole"),
    [
        ("%%qwen -f my", '%%qwen -f "my data.csv"'),
        ("%%qwen --think -f 'my d", "%%qwen --think -f 'my data.csv'"),
        (r"%%qwen -f my\ d", '%%qwen -f "my data.csv"'),
        ("%%qwen -f my_folder/in", "%%qwen -f my_folder/inner.csv"),
        ("%qwen -i my_f", "%qwen -i my_folder/"),
        ('%qwen -i "my s', '%qwen -i "my space/'),
        ("%%qwen -v data_f", "%%qwen -v data_frame"),
        ("%qwen load my", '%qwen load "my data.csv"'),
        ("%qwen save 'my data.csv' my", "%qwen save 'my data.csv' \"my chat\""),
        ("%qwen -c 'my", "%qwen -c 'my chat'"),
        ("%qwen -c review export my_f", "%qwen -c review export my_folder/"),
        ("%qwen show rev", "%qwen show review"),
        ("%qwen fork new rev", "%qwen fork new review"),
        ("%qwen files pr", "%qwen files prune"),
        ("%qwen doctor beij", "%qwen doctor beijing"),
        ("%qwen model qwen3-vl-p", "%qwen model qwen3-vl-plus"),
        ("x = 1\n%qwen drop rev", "x = 1\n%qwen drop review"),
    ],
)
def test_tab_completes_what_options_and_commands_take(notebook: Kernel, code: str, whole: str) -> None:
    (notebook.folder / "my_folder").mkdir(exist_ok=True)
    (notebook.folder / "my space").mkdir(exist_ok=True)
    for name in ("my data.csv", "my_folder/inner.csv"):
        (notebook.folder / name).write_text("a\n1\n", encoding="utf-8")
    notebook.run("data_frame = 1\n%qwen fork review\n%qwen fork 'my chat'")
    assert whole in [code[: each["start"]] + each["text"] for each in notebook.completions(code)]


# --- the value of a cell


def displays(result: Result) -> list[dict[str, Any]]:
    """The outputs of a cell that show an answer."""
    return [output for output in result.saved if "text/markdown" in output.get("data", {})]


@pytest.mark.parametrize(
    "code",
    [
        "import qwen_magic\nqwen_magic.ask('Hello')",
        "%qwen Hello",
        "answer = qwen_magic.ask('Hello')\nanswer",
        "if True:\n    qwen_magic.ask('Hello')",
        "answer = %qwen Hello",
        ASK + "Hello",
    ],
)
def test_an_answer_is_shown_once(notebook: Kernel, code: str) -> None:
    notebook.run("import qwen_magic")
    result = notebook.run(code, cell_id="a")
    assert result.status == "ok", result.error
    assert len(displays(result)) == 1


def test_in_the_cell_that_loads_the_extension_an_answer_is_shown_once_too(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.run(
        f"import os; os.environ |= {{'QWEN_API_KEY': {sandbox.key!r}, 'QWEN_BASE_URL': {sandbox.compatible_url!r}}}"
    )
    assert len(displays(kernel.run("import qwen_magic\nqwen_magic.ask('Hello')", cell_id="a"))) == 1


def test_an_answer_is_still_a_value_that_can_be_shown(notebook: Kernel) -> None:
    notebook.run("import qwen_magic")
    notebook.run("qwen_magic.ask('Hello')", cell_id="a")
    assert notebook.value("_.finish_reason, _ is Out[max(Out)]") == ("stop", True)
    assert len(displays(notebook.run("_", cell_id="b"))) == 1
    assert len(displays(notebook.run("display(qwen_magic.ask('Hello'))", cell_id="c"))) == 2
    assert len(displays(notebook.run("qwen_magic.ask('Hello', show=False)", cell_id="d"))) == 1
    assert notebook.run("6 * 7").text == "42"


@pytest.mark.parametrize(
    "code",
    [
        "x = %qwen What is this?",
        "x = %qwen -m qwen-max What's `this`?",
        "n = 1; x = %qwen What is this?",
        "for n in range(1): x = %qwen What is this?",
        "def f():\n    return %qwen What is this?\nx = f()",
        "x = y = %qwen What is this",
    ],
)
def test_a_question_in_any_position_gives_its_answer(notebook: Kernel, sandbox: Sandbox, code: str) -> None:
    result = notebook.run(code)
    assert result.status == "ok", result.error
    assert "this" in contents(bodies(sandbox)[-1])[-1][1]
    assert notebook.value("x is _qwen")


def test_a_question_where_none_can_stand_says_so(notebook: Kernel, sandbox: Sandbox) -> None:
    for code in ("print('a') %qwen What is this?", "n = (1, %qwen What is this?", "if True:\n    n = 7 %qwen len?"):
        result = notebook.run(code)
        assert "cannot stand inside" in result.error or "SyntaxError" in result.error, code
    assert not bodies(sandbox)
    assert notebook.run("qwen = 3; n = 7 %qwen; n").text == "1"
    assert "Signature" in json.dumps(notebook.run("len?").reply)


@pytest.mark.parametrize("text", ["qwen_magic.", "qwen_magic.c"])
def test_tab_and_help_show_the_public_names_only(notebook: Kernel, text: str) -> None:
    notebook.run("import qwen_magic, qwen_magic.core.errors, qwen_magic.assistant.assistant")
    public = notebook.value("qwen_magic.__all__")
    offered = {name.removeprefix("qwen_magic.").removeprefix(".") for name in notebook.complete(text)}
    assert offered
    assert offered <= set(public)
    assert notebook.value("sorted(dir(qwen_magic))") == sorted(public)
    assert not {"Assistant", "TYPE_CHECKING", "load_ipython_extension"} & set(public)
