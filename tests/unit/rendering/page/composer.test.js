import assert from "node:assert/strict";
import { test } from "node:test";

import { useWords } from "../../../../qwen_magic/rendering/static/page/words.js";
import { isComposition, keyAction } from "../../../../qwen_magic/rendering/static/panel/composer_keys.js";
import {
  attach,
  detach,
  emptyDraft,
  given,
  isComplete,
  noteUpload,
  pieceStarts,
} from "../../../../qwen_magic/rendering/static/panel/draft.js";
import { beginMention, chooseOffer, mentionAt } from "../../../../qwen_magic/rendering/static/panel/mention.js";
import { modelOptions } from "../../../../qwen_magic/rendering/static/panel/model_options.js";

useWords({
  en: { defaultModel: "Default model", defaultModelOf: "Default: {name}", loadingModels: "Asking for the models…" },
});

const closed = { open: false, offers: 0, running: false, editing: false };
const press = (key, state, shiftKey = false) => keyAction({ key, shiftKey }, { ...closed, ...state });

test("Enter sends, Shift+Enter breaks the line, and while an answer comes Enter waits", () => {
  assert.equal(press("Enter"), "send");
  assert.equal(press("Enter", {}, true), "newLine");
  assert.equal(press("Enter", { running: true }), "wait");
  assert.equal(press("Enter", { open: true, offers: 0 }), "send");
  assert.equal(press("a"), undefined);
});

test("while there are offers the keys choose among them", () => {
  const state = { open: true, offers: 2, running: true };
  assert.equal(press("ArrowDown", state), "nextOffer");
  assert.equal(press("ArrowUp", state), "previousOffer");
  assert.equal(press("Enter", state), "chooseOffer");
  assert.equal(press("Tab", state), "chooseOffer");
  assert.equal(press("Tab"), undefined);
  assert.equal(press("ArrowUp"), undefined);
});

test("Escape closes the offers first, then ends the editing, and is left to the panel otherwise", () => {
  assert.equal(press("Escape", { open: true, editing: true }), "closeOffers");
  assert.equal(press("Escape", { editing: true, running: true }), "stopEditing");
  assert.equal(press("Escape", { running: true }), undefined);
});

test("Enter within a composition is the input method's, also in Safari", () => {
  assert.ok(isComposition({ isComposing: true, keyCode: 13 }));
  assert.ok(isComposition({ isComposing: false, keyCode: 229 }));
  assert.ok(!isComposition({ isComposing: false, keyCode: 13 }));
});

test("a mention is what stands between an at sign at the beginning of a word and the cursor", () => {
  const found = (text, cursor = text.length) => mentionAt(text, cursor);
  assert.equal(found("look at @pl"), "pl");
  assert.equal(found("@"), "");
  assert.equal(found("看（@数据"), "数据");
  assert.equal(found("a@b"), undefined);
  assert.equal(found("@a b"), undefined);
  assert.equal(found("@plain", 3), "pl");
  assert.equal(found("@plain", 0), undefined);
});

test("an at sign is written apart from the word before it", () => {
  assert.deepEqual(beginMention("look", 4, 4), { start: 4, end: 4, text: " @" });
  assert.deepEqual(beginMention("look ", 5, 5), { start: 5, end: 5, text: "@" });
  assert.deepEqual(beginMention("", 0, 0), { start: 0, end: 0, text: "@" });
});

test("a folder completes the mention, anything else takes it out", () => {
  assert.deepEqual(chooseOffer("da", 6, { kind: "folder", value: "data/" }), { start: 4, end: 6, text: "data/" });
  assert.deepEqual(chooseOffer("da", 6, { kind: "file", value: "data.csv" }), { start: 3, end: 6, text: "" });
});

test("nothing is attached twice, and a question is complete when all is uploaded", () => {
  const draft = { ...emptyDraft(), text: "why?" };
  const table = { kind: "variable", value: "table", name: "table" };
  attach(draft, table);
  attach(draft, { ...table });
  const upload = { kind: "file", name: "a.bin", id: "1", size: 10, progress: 0 };
  attach(draft, upload);
  attach(draft, { ...upload, id: "2" });
  assert.equal(draft.attachments.length, 3);
  assert.ok(!isComplete(draft));
  noteUpload(draft, { uploaded: "1", path: "uploads/a.bin", size: 5 });
  assert.equal(upload.progress, 50);
  noteUpload(draft, { uploaded: "1", path: "uploads/a.bin", size: 10 });
  noteUpload(draft, { uploaded: "2", error: {} });
  noteUpload(draft, { uploaded: "3", size: 10 });
  assert.deepEqual(given(draft.attachments), [table, { kind: "file", value: "uploads/a.bin", name: "a.bin" }]);
  assert.ok(isComplete(draft));
  detach(draft, upload);
  assert.equal(draft.attachments.length, 1);
  assert.ok(!isComplete({ ...draft, text: " \n" }));
});

test("a file is sent in pieces, and an empty one in an empty piece", () => {
  assert.deepEqual(pieceStarts(0, 4), [0]);
  assert.deepEqual(pieceStarts(4, 4), [0]);
  assert.deepEqual(pieceStarts(9, 4), [0, 4, 8]);
});

test("the conversation's model can be chosen even where the endpoint does not list it", () => {
  const labels = (...state) => modelOptions(...state).map(({ label }) => label);
  assert.deepEqual(labels([], "", "", false), ["Default model"]);
  assert.deepEqual(labels([], "", "", true), ["Default model", "Asking for the models…"]);
  assert.deepEqual(labels(["a", "b"], "a", "c", true), ["Default: a", "c", "a", "b"]);
  assert.deepEqual(labels(["a", "b"], "a", "b", true), ["Default: a", "a", "b"]);
});
