import assert from "node:assert/strict";
import test from "node:test";

import { arrangementOf, countDone, drawnPart, listed, lookedAt, moveItem, nextOpen, stepFrom } from "../../../magic_demo/page/panels/queue/queue_list.mjs";

const one = (id, state, more = {}) => ({ id, state, flagged: false, disagrees: false, ...more });
const CASES = [one("a", "done"), one("b", "not started"), one("c", "in progress", { flagged: true }), one("d", "done", { disagrees: true }), one("e", "not started")];
const ids = (cases) => cases.map(({ id }) => id).join("");

test("a filter lists the cases of a state, the flagged and those that differ", () => {
  assert.equal(ids(listed(CASES, "all")), "abcde");
  assert.equal(ids(listed(CASES, "done")), "ad");
  assert.equal(ids(listed(CASES, "in progress")), "c");
  assert.equal(ids(listed(CASES, "not started")), "be");
  assert.equal(ids(listed(CASES, "flagged")), "c");
  assert.equal(ids(listed(CASES, "disagreeing")), "d");
});

test("next and previous stay within what is listed, also from a case that is not", () => {
  assert.equal(stepFrom(CASES, "all", "b", 1), "c");
  assert.equal(stepFrom(CASES, "done", "b", 1), "d");
  assert.equal(stepFrom(CASES, "done", "b", -1), "a");
  assert.equal(stepFrom(CASES, "all", "d", -1), "c", "not the first");
  assert.equal(stepFrom(CASES, "all", "e", 1), null);
  assert.equal(stepFrom(CASES, "all", "a", -1), null);
  assert.equal(stepFrom(CASES, "all", null, 1), "a");
  assert.equal(stepFrom(CASES, "all", null, -1), "e");
});

test("the next case to do comes after the open one, then from the start; none where all are done", () => {
  assert.equal(nextOpen(CASES, "b"), "c");
  assert.equal(nextOpen(CASES, "d"), "e");
  assert.equal(nextOpen(CASES, "e"), "b");
  assert.equal(nextOpen(CASES, null), "b");
  assert.equal(nextOpen([one("a", "done")], "a"), null);
});

test("a list that comes late changes no mode that was chosen meanwhile, and an answer that is out of date changes nothing", () => {
  const wanted = { queue: "clinic", order: "position", mode: "blind" };
  const late = { queue: "clinic", order: "position", mode: "assisted" };
  assert.deepEqual(arrangementOf(late, wanted), { order: "position", mode: "blind" });
  assert.deepEqual(arrangementOf(late, null), { order: "position", mode: "assisted" });
  for (const what of ["queue", "order", "mode"]) assert.equal(arrangementOf({ ...wanted, [what]: "another", arranged: true }, wanted), null, what);
  assert.deepEqual(arrangementOf({ ...wanted, arranged: true }, wanted), { order: "position", mode: "blind" });
});

test("done cases are counted", () => assert.equal(countDone(CASES), 2));

test("a list without an open case is looked at where the next case to do is", () => {
  const cases = ["done", "done", "in progress", "not started"].map((state, id) => ({ id: String(id), state }));
  assert.equal(lookedAt(cases, "all", null), 2);
  assert.equal(lookedAt(cases, "all", "0"), 0);
  assert.equal(lookedAt(cases, "not started", null), -1);
  assert.equal(lookedAt(cases.slice(0, 2), "all", null), -1);
});

test("of a long list the rows around the open case are drawn, of a short one all", () => {
  assert.deepEqual(drawnPart(10000, -1, 200), [0, 200]);
  assert.deepEqual(drawnPart(10000, 5000, 200), [4900, 5100]);
  assert.deepEqual(drawnPart(10000, 9999, 200), [9800, 10000]);
  assert.deepEqual(drawnPart(10000, 30, 200), [0, 200]);
  for (const at of [-1, 0, 2]) assert.deepEqual(drawnPart(3, at, 200), [0, 3]);
  assert.deepEqual(drawnPart(0, -1, 200), [0, 0]);
});

test("an arrangement that a browser has under its earlier name is found once, and a newer one stays", () => {
  const items = new Map([["earlier", "blind"]]);
  const storage = { getItem: (name) => items.get(name) ?? null, setItem: (name, text) => items.set(name, text), removeItem: (name) => items.delete(name) };
  moveItem(storage, "earlier", "today");
  assert.deepEqual([...items], [["today", "blind"]]);
  items.set("earlier", "unaided");
  moveItem(storage, "earlier", "today");
  moveItem(storage, "earlier", "today");
  assert.deepEqual([...items], [["today", "blind"]]);
});
