import assert from "node:assert/strict";
import { test } from "node:test";

import { codeOf, described, planned } from "../../../qwen_magic/labextension/static/written_cells.js";

const asks = (id, facts) => ({ id, source: "%%qwen --code\nx", facts, asks: true });
const code = (id, of, { source = "x", number = 0, own = id, ...more } = {}) => ({
  id,
  source,
  facts: { id: own, code_of: of, number, written: `hash of ${source}` },
  ...more,
});
const ids = (cells) => cells.map(({ id }) => id);

test("the code of a cell is what names it, in the order of the answer, wherever it stands", () => {
  const cells = [code("c2", "a", { number: 1 }), asks("a"), asks("b"), code("d", "b"), code("c1", "a")];
  assert.deepEqual(ids(codeOf(cells, "a")), ["c1", "c2"]);
  assert.deepEqual(ids(codeOf(cells, "b")), ["d"]);
  assert.deepEqual(codeOf(cells, "c1"), []);
});

test("a copy of the code is nobody's, and a copy of the question has none", () => {
  const cells = [asks("a", { id: "a" }), code("c", "a"), asks("copy", { id: "a" }), code("copied", "a", { own: "c" })];
  assert.deepEqual(ids(codeOf(cells, "a")), ["c"]);
  assert.deepEqual(codeOf(cells, "copy"), []);
});

for (const id of ["a", "new"]) {
  test(`of a question that was split the first part that asks has the code, if the rest is called ${id}`, () => {
    const rest = { id, source: "more", facts: { id: "a" }, asks: false };
    const cells = [rest, asks("part", { id: "a" }), asks("other", { id: "a" }), code("c", "a")];
    assert.deepEqual(ids(codeOf(cells, "part")), ["c"]);
    assert.deepEqual(codeOf(cells, "other"), []);
  });
}

test("the kernel is told what stands in the cells and what was written", () => {
  const [cell] = described([code("c", "a", { locked: true })]);
  assert.deepEqual(cell, { id: "c", source: "x", written: "hash of x", locked: true });
});

const edit = (cell, source, expected = []) => ({ cell, source, expected, facts: { code_of: "a", number: 0 } });

test("new code goes below the question, one cell below the other", () => {
  const { steps } = planned([asks("a")], { asking: "a", edits: [edit("c1", "x"), edit("c2", "y")] });
  assert.deepEqual(steps.map(({ id, below }) => [id, below]), [["c1", "a"], ["c2", "c1"]]);
  assert.deepEqual(steps[0].facts, { id: "c1", code_of: "a", number: 0 });
});

test("code that is there is replaced where it stands, and what is too much goes", () => {
  const cells = [code("c1", "a"), asks("a"), code("c2", "a", { number: 1 })];
  const { steps } = planned(cells, { asking: "a", edits: [edit("c1", "new", ["x"]), edit("c2", null, ["x"])] });
  assert.deepEqual(steps.map(({ id, source, below }) => [id, source, below]), [
    ["c1", "new", undefined],
    ["c2", null, undefined],
  ]);
});

test("a cell that has something else in it is left alone, and so are all others then", () => {
  const cells = [asks("a"), code("c1", "a"), code("c2", "a", { source: "edited" })];
  const message = { asking: "a", edits: [edit("c1", "new", ["x"]), edit("c2", "new", ["x"])] };
  assert.deepEqual(planned(cells, message), { problem: "changed", steps: [] });
});

test("a change is not made in a cell that was edited after it was proposed", () => {
  const proposed = { cell: "c", source: "new", expected: ["old"] };
  assert.equal(planned([{ id: "c", source: "mine" }], { asking: "", edits: [proposed] }).problem, "outdated");
  assert.equal(planned([], { asking: "", edits: [proposed] }).problem, "missing");
  const [step] = planned([{ id: "c", source: "old" }], { asking: "", edits: [proposed] }).steps;
  assert.deepEqual(step, { id: "c", source: "new", facts: undefined });
});

test("a cell that has the new source already is no obstacle, nor are line breaks at its end", () => {
  const cells = [asks("a"), code("c1", "a", { source: "new" }), code("c2", "a", { source: "x\n" })];
  const message = { asking: "a", edits: [edit("c1", "new"), edit("c2", "new", ["x"])] };
  assert.equal(planned(cells, message).steps.length, 2);
});

test("a locked cell is left alone, and nothing is made without the cell that asked", () => {
  const locked = [asks("a"), code("c", "a", { locked: true })];
  assert.equal(planned(locked, { asking: "a", edits: [edit("c", "y", ["x"])] }).problem, "locked");
  assert.equal(planned([code("c", "b")], { asking: "a", edits: [edit("new", "y")] }).problem, "missing");
  assert.deepEqual(planned([asks("a")], { asking: "a", edits: [edit("gone", null)] }), { steps: [] });
});
