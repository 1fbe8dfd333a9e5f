import assert from "node:assert/strict";
import { test } from "node:test";

import {
  brokenTurns,
  changesControls,
  fit,
  orderOf,
  replaceState,
  takeOrder,
  transcriptRecord,
  unsentTurn,
} from "../../../../qwen_magic/rendering/static/panel/panel_state.js";

const turn = (question, more = {}) => ({ ...unsentTurn(question, [], "", 0), head: `<h>${question}</h>`, ...more });
const done = { phase: "done", seconds: 1, thought: 0, notice: null, outcome: "done" };

function panel(...questions) {
  const turns = Object.fromEntries(questions.map((question) => [question, turn(question)]));
  const known = { id: "i", view: "v", name: "default", model: "" };
  const record = { around: ["<div>", "</div>"], in_cell: "<i/>", language: "en" };
  return { seq: 3, ...known, ...record, order: questions, turns };
}

test("only the next change is taken; after a gap the whole state is asked for", () => {
  const fits = [3, 4, 5].map((seq) => fit(panel(), { seq }));
  assert.deepEqual(fits, ["known", "next", "missed"]);
});

test("a question stands where it will be before the kernel has taken it up", () => {
  const unsent = new Map([["new", unsentTurn("?", [], "", 0)], ["other", unsentTurn("?", [], "a", 0)]]);
  assert.deepEqual(orderOf(panel("a", "b"), unsent), ["other", "b", "new"]);
  assert.deepEqual(orderOf(panel("a", "new"), new Map([["new", unsentTurn("?", [], "", 0)]])), ["a", "new"]);
});

test("the order drops what is not in it, and questions that were on their way have arrived", () => {
  const state = panel("a", "b");
  const unsent = new Map([["c", unsentTurn("c", [], "", 0)], ["d", unsentTurn("d", [], "", 0)]]);
  assert.deepEqual(takeOrder(state, unsent, { order: ["b", "c"], turns: { c: turn("c") } }, 9), ["c"]);
  assert.deepEqual(Object.keys(state.turns), ["b", "c"]);
  assert.equal(state.turns.c.arrived, 9);
  assert.deepEqual([...unsent.keys()], ["d"]);
});

test("the whole state takes the place of the old one in the same object", () => {
  const state = Object.assign(panel("a"), { old: true });
  replaceState(state, panel("b"), 4);
  assert.deepEqual(Object.keys(state.turns), ["b"]);
  assert.equal(state.turns.b.arrived, 4);
  assert.ok(!("old" in state));
});

test("a word more of an answer changes no buttons, its end does", () => {
  assert.ok(!changesControls({ seq: 1, key: "a", patch: { progress: { ...done, phase: "answering" } } }));
  assert.ok(changesControls({ seq: 1, key: "a", patch: { progress: done } }));
  assert.ok(changesControls({ seq: 1, order: [] }));
  assert.ok(changesControls({ seq: 1, key: "a", set: { drawn: true } }));
});

test("when the kernel is gone, what was open has broken off and the rest stays", () => {
  const open = turn("b");
  const [broken, ...others] = brokenTurns({ a: turn("a", { progress: done }), b: open });
  assert.equal(broken.key, "b");
  assert.equal(broken.patch.progress.outcome, "failed");
  assert.deepEqual(others, []);
});

test("the record has every turn with a head, and of a cell's turn the question only", () => {
  const state = panel("a", "b", "c");
  const answer = { blocks: ["<p>1</p>"], tail: "<p>2</p>", append: "" };
  Object.assign(state.turns.a, { answer, foot: { en: "<f/>", zh: "" }, text: "one" });
  Object.assign(state.turns.b, { in_cell: true, text: "two" });
  state.turns.c.head = "";
  assert.deepEqual(transcriptRecord(state), {
    "text/html": "<div><h>a</h><p>1</p><p>2</p><f/><h>b</h><i/></div>",
    "text/plain": "> a\n\none\n\n> b\n\n",
  });
});
