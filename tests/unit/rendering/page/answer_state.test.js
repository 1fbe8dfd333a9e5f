import assert from "node:assert/strict";
import { test } from "node:test";

import {
  applyPatch,
  brokenOff,
  clock,
  drawing,
  emptySection,
  isDone,
  lengthOf,
  withChange,
} from "../../../../qwen_magic/rendering/static/answer/answer_state.js";

const progress = (more = {}) => ({ phase: "answering", seconds: 2, thought: 0, notice: null, ...more });
const state = () => ({ thinking: emptySection(), answer: emptySection(), progress: progress(), arrived: 0 });
const patch = (answer, more) => ({ answer, progress: progress(more) });

test("a patch replaces the blocks from its base on, and the tail", () => {
  const answer = state();
  applyPatch(answer, patch({ base: 0, blocks: ["<p>1</p>", "<p>2</p>"], tail: "<p>t</p>", append: "" }), 5);
  applyPatch(answer, patch({ base: 1, blocks: ["<p>b</p>"], tail: "", append: "" }), 7);
  assert.deepEqual(answer.answer, { blocks: ["<p>1</p>", "<p>b</p>"], tail: "", append: "" });
  assert.equal(answer.arrived, 7);
});

test("text is added to the open end until there is a new tail", () => {
  const answer = state();
  applyPatch(answer, patch({ base: 0, blocks: [], tail: "<p>t</p>", append: "a" }), 0);
  applyPatch(answer, patch({ base: 0, blocks: [], tail: null, append: "b" }), 0);
  assert.deepEqual(answer.answer, { blocks: [], tail: "<p>t</p>", append: "ab" });
  applyPatch(answer, patch({ base: 0, blocks: [], tail: "<p>tab</p>", append: "" }), 0);
  assert.deepEqual(answer.answer, { blocks: [], tail: "<p>tab</p>", append: "" });
});

test("a section that a patch leaves out stays as it is, and the progress is taken", () => {
  const answer = state();
  applyPatch(answer, { progress: progress({ phase: "done", outcome: "stopped" }) }, 0);
  assert.deepEqual(answer.thinking, emptySection());
  assert.ok(isDone(answer));
});

test("the clock goes on between patches, and stands when the answer has ended", () => {
  assert.deepEqual(clock({ progress: progress({ thought: 3 }), arrived: 1000 }, 3400), { seconds: 4, thought: 3 });
  const thinking = progress({ phase: "thinking", thought: 3 });
  assert.deepEqual(clock({ progress: thinking, arrived: 1000 }, 3400), { seconds: 4, thought: 5 });
  assert.deepEqual(clock({ progress: progress({ phase: "done" }), arrived: 0 }, 9e9), { seconds: 2, thought: 1 });
});

test("an answer whose kernel is gone has failed", () => {
  assert.deepEqual(brokenOff(progress()), progress({ phase: "done", outcome: "failed" }));
});

test("what has to be drawn begins at the earliest block that has changed", () => {
  const change = withChange(withChange({}, { answer: { base: 4 } }), { answer: { base: 2 }, thinking: { base: 0 } });
  assert.deepEqual(change, { answer: 2, thinking: 0 });
  assert.deepEqual(withChange(change, { answer: { base: 9 } }), { answer: 2, thinking: 0 });
});

test("text that is added is all that is drawn while blocks and tail are the same", () => {
  const section = { blocks: ["1"], tail: "t", append: "abcd" };
  const drawn = { blocks: 1, tail: "t", append: "ab" };
  assert.deepEqual(drawing(section, 1, drawn), { first: 1, anew: false, added: "cd" });
  assert.deepEqual(drawing(section, 0, drawn), { first: 0, anew: true, added: "abcd" });
  assert.deepEqual(drawing({ ...section, tail: "u" }, 1, drawn), { first: 1, anew: true, added: "abcd" });
  assert.deepEqual(drawing({ ...section, blocks: ["1", "2"] }, 1, drawn), { first: 1, anew: true, added: "abcd" });
});

test("the length of a patch is that of all its text", () => {
  assert.equal(lengthOf({ base: 0, blocks: ["12", "345"], tail: null, append: "6" }), 6);
});
