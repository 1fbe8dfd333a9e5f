import assert from "node:assert/strict";
import { test } from "node:test";

import { unfinishedHtml } from "../../../../qwen_magic/rendering/static/answer/answer_record.js";
import {
  attachmentLine,
  endText,
  noticeText,
  thinkingText,
  whoOf,
} from "../../../../qwen_magic/rendering/static/answer/answer_phrases.js";
import { languageOf, say, useWords } from "../../../../qwen_magic/rendering/static/page/words.js";
import { invitation, megabytes, titleOf } from "../../../../qwen_magic/rendering/static/panel/panel_phrases.js";

const progress = (more = {}) => ({ phase: "answering", seconds: 0, thought: 0, notice: null, ...more });

useWords({
  en: {
    both: "{a} and {b}",
    calling: "calling {name}",
    empty: "Ask.",
    emptyNamed: "Ask {name}.",
    failed: "The answer broke off",
    panel: "Chat",
    panelOf: "Chat: {name}",
    retrying: "trying again in {seconds} s: {reason}",
    stopped: "The answer was stopped",
    thinking: "Thinking… {seconds} s",
    thought: "Thought for {seconds} s",
  },
});

test("values are put into a word as they are, also those that look like a place or a pattern", () => {
  assert.equal(say("both", { a: "{b}", b: "$&" }), "{b} and $&");
  assert.equal(say("both", { a: 1 }), "1 and {b}");
});

test("Chinese is for browsers that ask for it", () => {
  assert.deepEqual(["zh-CN", "ZH", "en-US", "", "zha"].map(languageOf), ["zh", "zh", "en", "en", "en"]);
});

test("who answers, what was attached, and how long it thought", () => {
  assert.equal(whoOf({ model: "qwen-plus", endpoint: "beijing" }), "qwen-plus @ beijing");
  assert.equal(whoOf({ model: "qwen-plus", endpoint: "" }), "qwen-plus");
  const attachments = [{ name: "a.csv", note: "3 rows" }, { name: "b", note: "" }];
  assert.equal(attachmentLine({ attachments }), "a.csv (3 rows) · b");
  assert.equal(thinkingText(progress({ phase: "thinking" }), 3), "Thinking… 3 s");
  assert.equal(thinkingText(progress(), 3), "Thought for 3 s");
});

test("a notice is shown while the answer comes, and at its end only what went wrong", () => {
  const notice = { kind: "retrying", delay: 1.2, reason: { en: "busy", zh: "忙" } };
  assert.equal(noticeText(progress({ notice })), "trying again in 2 s: busy");
  assert.equal(noticeText(progress({ notice: { kind: "calling", name: "look" } })), "calling look");
  assert.equal(noticeText(progress()), "");
  assert.equal(noticeText(progress({ notice, phase: "done", outcome: "done" })), "");
  assert.equal(noticeText(progress({ notice, phase: "done", outcome: "stopped" })), "The answer was stopped");
  assert.equal(endText(progress({ phase: "done", outcome: "failed" })), "The answer broke off");
});

test("names and sizes of the panel", () => {
  assert.deepEqual(["default", "review"].map(titleOf), ["Chat", "Chat: review"]);
  assert.equal(megabytes(5 << 20), "5.0 MB");
  assert.deepEqual(["default", "review"].map(invitation), ["Ask.", "Ask review."]);
});

test("what is saved of an answer in its middle is HTML, and tells that it is not all", () => {
  const saved = { view: "", model: "", around: ["<div>", "<p>unfinished</p></div>"] };
  const answer = { blocks: ["<p>1</p>"], tail: "<p>t</p>", append: "<b> & c" };
  const html = "<div><p>1</p><p>t</p>&lt;b&gt; &amp; c";
  assert.equal(unfinishedHtml({ answer, saved, progress: progress() }), `${html}<p>unfinished</p></div>`);
  assert.equal(unfinishedHtml({ answer, saved, progress: progress({ phase: "done" }) }), `${html}</div>`);
});
