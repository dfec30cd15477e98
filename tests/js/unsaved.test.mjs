// What was changed and not saved is kept in the tab until it is, and found again by the next life of the tab.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Unsaved } from "../../magic_demo/ui/unsaved.mjs";

const PLACE = { queue: "clinic", id: "ENC00001", reader: "ann" };

class Storage {
  kept = new Map();
  getItem = (name) => this.kept.get(name) ?? null;
  setItem = (name, text) => this.kept.set(name, text);
  removeItem = (name) => this.kept.delete(name);
}

function opened(storage, caseId = "secret-1", place = PLACE) {
  const unsaved = new Unsaved(storage);
  return { unsaved, left: unsaved.open({ ...place, case: caseId }) };
}

test("what was not saved is found again once, the newest of each part", () => {
  const storage = new Storage();
  const { unsaved, left } = opened(storage);
  assert.equal(left, null);
  unsaved.note("secret-1", "answers", { answers: { CQID010: [1] } });
  unsaved.note("secret-1", "answers", { answers: { CQID010: [2] } });
  unsaved.note("secret-1", "mask P", { photo: "P", runs: [4] });
  const again = opened(storage, "secret-2");
  assert.deepEqual(again.left, { answers: { answers: { CQID010: [2] } }, "mask P": { photo: "P", runs: [4] } });
  assert.equal(again.unsaved.open({ ...PLACE, case: "secret-3" }), null, "it was put back, and the case opened anew");
  assert.equal(storage.kept.size, 0);
});

test("what was not put back yet is not lost by another reload", () => {
  const storage = new Storage();
  opened(storage).unsaved.note("secret-1", "note", { comment: "scaly" });
  opened(storage, "secret-2");
  assert.deepEqual(opened(storage, "secret-3").left, { note: { comment: "scaly" } });
});

test("a save that has heard everything forgets it, an older one does not", () => {
  const storage = new Storage();
  const { unsaved } = opened(storage);
  unsaved.note("secret-1", "answers", {});
  unsaved.note("secret-1", "note", {});
  unsaved.confirm("secret-1", 1);
  assert.ok(unsaved.pending && storage.kept.size === 1);
  unsaved.confirm("another", 2);
  assert.ok(unsaved.pending);
  unsaved.confirm("secret-1", 2);
  assert.ok(!unsaved.pending && storage.kept.size === 0);
});

test("cases and readers are told apart, and each finds its own", () => {
  const storage = new Storage();
  opened(storage).unsaved.note("secret-1", "note", { comment: "ann's" });
  const bo = opened(storage, "secret-2", { ...PLACE, reader: "bo" });
  assert.equal(bo.left, null);
  bo.unsaved.note("secret-2", "note", { comment: "bo's" });
  assert.deepEqual(opened(storage, "secret-3").left, { note: { comment: "ann's" } });
});

test("changes of a case that is of no queue are counted and not kept", () => {
  const storage = new Storage();
  const { unsaved } = opened(storage);
  unsaved.close();
  unsaved.note("example", "answers", {});
  assert.equal(unsaved.sent("example"), 1);
  assert.ok(!unsaved.pending && storage.kept.size === 0);
});

test("a browser that keeps nothing, or something else, still reviews", () => {
  const refuses = { getItem: () => "no json", removeItem() {} };
  refuses.setItem = () => {
    throw new Error("full");
  };
  const { unsaved, left } = opened(refuses);
  unsaved.note("secret-1", "note", {});
  assert.ok(left === null && unsaved.pending);
});
