// What was changed and is not in the store is kept in the tab until it is, found again by the next life of the tab, and sent again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Unsaved } from "../../../magic_demo/page/panels/review/saving/unsaved.mjs";

const PLACE = { queue: "clinic", id: "ENC00001", reader: "ann", mode: "assisted" };

class Storage {
  kept = new Map();
  getItem = (name) => this.kept.get(name) ?? null;
  setItem = (name, text) => this.kept.set(name, text);
  removeItem = (name) => this.kept.delete(name);
}

let lives = 0;

function opened(storage, openId = "secret-1", place = PLACE, number = 0) {
  const unsaved = new Unsaved(storage, `life${++lives}`);
  return { unsaved, left: unsaved.open({ ...place, case: openId, saved: { number, stored: {} } }) };
}

const stored = (...tolds) => Object.fromEntries(tolds.map(({ part, turn }) => [part, turn]));

test("a change says of which case it is, what it goes on from, and its turn", () => {
  const { unsaved } = opened(new Storage(), "secret-1", PLACE, 7);
  const payload = unsaved.note("secret-1", "answers", { case: "secret-1", answers: {}, touched: ["CQID010"] });
  assert.deepEqual(payload.of, { ...PLACE, base: 7 });
  assert.match(payload.turn, /^life\d+\.1$/);
  assert.ok(unsaved.note("secret-1", "note", { comment: "" }).turn.endsWith(".2"));
});

test("what was not saved is found again once, the newest of each part", () => {
  const storage = new Storage();
  const { unsaved, left } = opened(storage);
  assert.equal(left, null);
  unsaved.note("secret-1", "answers", { case: "secret-1", answers: { CQID010: [1] } });
  unsaved.note("secret-1", "answers", { case: "secret-1", answers: { CQID010: [2] } });
  unsaved.note("secret-1", "mask P", { case: "secret-1", photo: "P", runs: [4] });
  const again = opened(storage, "secret-2");
  assert.deepEqual(again.left.map(({ answers, runs }) => answers ?? runs), [{ CQID010: [2] }, [4]]);
  const restored = again.unsaved.open({ ...PLACE, case: "secret-3", saved: { number: 2, stored: stored(...again.left) } });
  assert.equal(restored, null, "it was put back, and the case opened anew");
  assert.equal(storage.kept.size, 0);
});

test("what was not put back yet is not lost by another reload, and what cannot be is not tried for ever", () => {
  const storage = new Storage();
  opened(storage).unsaved.note("secret-1", "mask gone", { case: "secret-1", photo: "gone", runs: [4] });
  const { unsaved } = opened(storage, "secret-2");
  assert.equal(opened(storage, "secret-3").left.length, 1);
  assert.equal(unsaved.open({ ...PLACE, case: "secret-4", saved: { number: 0, stored: {} } }), null);
  assert.ok(unsaved.pending);
});

test("only the answer that says so takes a change for saved, an earlier one of the same part does not", () => {
  const storage = new Storage();
  const { unsaved } = opened(storage);
  const first = unsaved.note("secret-1", "answers", { case: "secret-1", answers: {} });
  const early = { ...first };
  const note = unsaved.note("secret-1", "note", { case: "secret-1", comment: "" });
  const second = unsaved.note("secret-1", "answers", { case: "secret-1", answers: {} });
  unsaved.confirm({ case: "secret-1", number: 1, stored: stored(early) });
  assert.ok(unsaved.pending && storage.kept.size === 1);
  unsaved.confirm({ case: "another", number: 9, stored: stored(second, note) });
  assert.ok(unsaved.pending);
  unsaved.confirm({ case: "secret-1", number: 2, stored: stored(second, note) });
  assert.ok(!unsaved.pending && storage.kept.size === 0);
  assert.equal(unsaved.note("secret-1", "note", { case: "secret-1", comment: "" }).of.base, 2);
});

test("what another case left unsaved stays when the next one is opened, and is sent again by itself", () => {
  const { unsaved } = opened(new Storage());
  const payload = unsaved.note("secret-1", "answers", { case: "secret-1", answers: {} }, 1000);
  unsaved.open({ ...PLACE, id: "ENC00002", case: "secret-2", saved: { number: 0, stored: {} } });
  assert.ok(unsaved.pending);
  assert.deepEqual(unsaved.due(2000), []);
  const due = unsaved.due(60_000);
  assert.deepEqual(due.map((one) => [one.case, one.of.id, one.parts]), [["secret-1", "ENC00001", [payload]]]);
  assert.deepEqual(unsaved.due(66_000), [], "it waits for the answer, longer each time");
  unsaved.confirm({ case: "secret-1", number: 3, stored: stored(payload) });
  assert.ok(!unsaved.pending);
});

test("what an earlier life of the tab left of a case that is not opened again is sent again, too", () => {
  const storage = new Storage();
  const payload = opened(storage).unsaved.note("secret-1", "note", { case: "secret-1", comment: "scaly" });
  const { unsaved } = opened(storage, "secret-2", { ...PLACE, id: "ENC00002" });
  assert.deepEqual(unsaved.due(1000), []);
  assert.equal(unsaved.due(60_000)[0].parts[0].comment, "scaly");
  unsaved.confirm({ case: "secret-1", number: 3, stored: stored(payload) });
  assert.equal(storage.kept.size, 0);
});

test("a change goes on from what was known when the first change that waits with it was made", () => {
  const { unsaved } = opened(new Storage(), "secret-1", PLACE, 5);
  unsaved.note("secret-1", "answers", { case: "secret-1", answers: {}, touched: ["A"] });
  unsaved.confirm({ case: "secret-1", number: 7, stored: {} });
  const next = unsaved.note("secret-1", "answers", { case: "secret-1", answers: {}, touched: ["B"] });
  assert.deepEqual([next.of.base, next.touched], [5, ["A", "B"]]);
});

test("what came from another tab is handed on, less what is on its way from here", () => {
  const { unsaved } = opened(new Storage());
  unsaved.note("secret-1", "answers", { case: "secret-1", answers: {}, touched: ["A"] });
  const merged = { answers: { A: [1], B: [2] }, specified: { A: "", B: "" }, masks: { P: null }, rulers: { P: null, Q: null }, remarks: { P: null, Q: null }, note: { comment: "x" } };
  unsaved.note("secret-1", "ruler Q", { case: "secret-1", photo: "Q", ruler: null });
  unsaved.note("secret-1", "remarks Q", { case: "secret-1", photo: "Q", comments: [[1, 2, "scar"]] });
  const taken = unsaved.confirm({ case: "secret-1", number: 2, stored: {}, merged });
  assert.deepEqual(taken, { ...merged, answers: { B: [2] }, specified: { B: "" }, rulers: { P: null }, remarks: { P: null } });
  assert.equal(unsaved.confirm({ case: "secret-1", number: 1, stored: {}, merged }), null, "an answer that was overtaken is older");
});

test("of an outline and of lengths that two tabs changed, this tab's own is what it sent", () => {
  const { unsaved } = opened(new Storage());
  const ruler = { known: [0, 0, 9, 0], mm: 10, lines: [] };
  const payload = unsaved.note("secret-1", "ruler P", { case: "secret-1", photo: "P", ruler });
  unsaved.confirm({ case: "secret-1", number: 4, stored: {}, conflicts: [{ part: "rulers", name: "P", number: 4, mine: true, theirs: true }] });
  assert.deepEqual(unsaved.choose("rulers P", true), { case: "secret-1", photo: "P", ruler, part: payload.part });
});

test("a conflict is held until the reader chooses, and their own is a change that knows of the other", () => {
  const storage = new Storage();
  const { unsaved } = opened(storage);
  const payload = unsaved.note("secret-1", "answers", { case: "secret-1", answers: { A: [2] }, touched: ["A"] });
  const conflicts = [{ part: "answers", name: "A", number: 4, mine: [[2], ""], theirs: [[1], ""] }];
  unsaved.confirm({ case: "secret-1", number: 4, stored: stored(payload), conflicts });
  unsaved.confirm({ case: "secret-1", number: 4, stored: stored(payload), conflicts });
  assert.deepEqual([...unsaved.conflicts.keys()], ["answers A"]);
  assert.equal(opened(storage, "secret-9").left[0].answers.A[0], 2, "the next life asks again");
  const mine = unsaved.choose("answers A", true);
  assert.deepEqual([mine.answers, mine.touched], [{ A: [2] }, ["A"]]);
  assert.equal(unsaved.note("secret-1", mine.part, mine).of.base, 4);
  unsaved.confirm({ case: "secret-1", number: 5, stored: stored(mine), conflicts });
  assert.ok(!unsaved.pending && unsaved.conflicts.size === 0, "an answer that was under way says it again");
});

test("cases and readers are told apart, and each finds its own", () => {
  const storage = new Storage();
  opened(storage).unsaved.note("secret-1", "note", { case: "secret-1", comment: "ann's" });
  const bo = opened(storage, "secret-2", { ...PLACE, reader: "bo" });
  const other = opened(storage, "secret-3", { ...PLACE, id: "ENC00002" });
  assert.equal(bo.left ?? other.left, null);
  assert.equal(opened(storage, "secret-4").left[0].comment, "ann's");
});

test("changes of a case that is of no queue are counted and not kept", () => {
  const storage = new Storage();
  const { unsaved } = opened(storage);
  unsaved.close();
  const payload = unsaved.note("example", "answers", { case: "example" });
  assert.deepEqual(payload, { case: "example" });
  assert.equal(unsaved.sent("example"), 1);
  assert.ok(!unsaved.pending && storage.kept.size === 0);
});

test("a browser that keeps nothing, or something else, still reviews", () => {
  const refuses = { getItem: () => "no json", removeItem() {} };
  refuses.setItem = () => {
    throw new Error("full");
  };
  const { unsaved, left } = opened(refuses);
  unsaved.note("secret-1", "note", { case: "secret-1" });
  assert.ok(left === null && unsaved.pending);
});

test("what was changed of a case that is deleted is forgotten with it", () => {
  const storage = new Storage();
  const { unsaved } = opened(storage);
  unsaved.note("secret-1", "note", { case: "secret-1" });
  unsaved.forget({ queue: "clinic", id: "another" });
  unsaved.forget({ ...PLACE, queue: "another" });
  assert.ok(unsaved.pending);
  unsaved.forget(PLACE);
  assert.ok(!unsaved.pending && storage.kept.size === 0);
});

test("a conflict that an earlier version of the page left in the tab is asked again, and not sent with its old word", () => {
  const storage = new Storage();
  const part = { case: "secret-1", part: "note", comment: "mine", touched: ["comment"], turn: "old.1", of: { ...PLACE, base: 3 }, held: true };
  storage.setItem("magic-demo-unsaved", JSON.stringify({ [JSON.stringify(["clinic", "ENC00001", "ann"])]: { "held note comment": part } }));
  const { unsaved, left } = opened(storage, "secret-2", PLACE, 3);
  assert.ok(unsaved.pending);
  assert.deepEqual(left.map(({ comment, held, conflicting }) => [comment, held, conflicting]), [["mine", undefined, false]]);
});

test("an opening is behind what this tab has heard of the case under an earlier one, and says so once", () => {
  const { unsaved } = opened(new Storage(), "secret-1", PLACE, 3);
  unsaved.open({ ...PLACE, id: "ENC00002", case: "other", saved: { number: 9, stored: {} } });
  unsaved.open({ ...PLACE, case: "secret-2", saved: { number: 3, stored: {} } });
  assert.equal(unsaved.isBehind("secret-2"), false, "of another case it has heard more");
  unsaved.confirm({ case: "secret-1", number: 5 });
  assert.equal(unsaved.isBehind("secret-2"), true);
  assert.equal(unsaved.isBehind("secret-2"), false, "it was told to catch up");
  unsaved.confirm({ case: "secret-1", number: 6 });
  assert.equal(unsaved.isBehind("secret-2"), true, "there is another one");
  unsaved.confirm({ case: "secret-2", number: 7 });
  assert.equal(unsaved.isBehind("secret-2"), false);
  assert.equal(unsaved.isBehind("unkept"), false);
});

const comment = (unsaved, text, when) => unsaved.note("secret-1", "note", { case: "secret-1", comment: text, touched: ["comment"] }, when);
const COMMENT = { part: "note", name: "comment", number: 4, mine: "mine", theirs: "theirs" };

test("of an outline that was drawn again while an earlier conflict waits, this tab's own is the last one", () => {
  const { unsaved } = opened(new Storage());
  const draw = (runs) => unsaved.note("secret-1", "mask P", { case: "secret-1", photo: "P", runs });
  const differ = (payload, number) => unsaved.confirm({ case: "secret-1", number, stored: stored(payload), conflicts: [{ part: "masks", name: "P", number, mine: true, theirs: true }] });
  differ(draw([1, 3]), 4);
  differ(draw([2, 2]), 6);
  assert.deepEqual(unsaved.choose("masks P", true).runs, [2, 2]);
});

test("comments on a photo that two tabs changed are chosen as they were sent", () => {
  const { unsaved } = opened(new Storage());
  const payload = unsaved.note("secret-1", "remarks P", { case: "secret-1", photo: "P", comments: [[1, 2, "scar"]] });
  unsaved.confirm({ case: "secret-1", number: 4, stored: stored(payload), conflicts: [{ part: "remarks", name: "P", number: 4, mine: true, theirs: false }] });
  assert.deepEqual(unsaved.choose("remarks P", true).comments, [[1, 2, "scar"]]);
});

test("the reader's own of a conflict is sent as its part of the page sends it", () => {
  const { unsaved } = opened(new Storage());
  const choose = (part, name, mine) => {
    unsaved.confirm({ case: "secret-1", number: 4, conflicts: [{ part, name, number: 4, mine, theirs: null }] });
    const { case: openId, ...payload } = unsaved.choose(`${part} ${name}`, true);
    assert.equal(openId, "secret-1");
    return payload;
  };
  assert.deepEqual(choose("answers", "A", [[2], "scaly"]), { part: "answers", answers: { A: [2] }, specified: { A: "scaly" }, touched: ["A"] });
  const note = { part: "note", comment: "", flagged: false, unusable: [] };
  assert.deepEqual(choose("unusable", "P", true), { ...note, unusable: ["P"], touched: ["unusable P"] });
  assert.deepEqual(choose("unusable", "Q", false), { ...note, touched: ["unusable Q"] });
  assert.deepEqual(choose("comment", "", null), { ...note, touched: ["comment"] });
  assert.deepEqual(choose("flagged", "", true), { ...note, flagged: true, touched: ["flagged"] });
});

test("a conflict waits for the reader: it is not sent, not unsaved, and no later change of its part settles it", () => {
  const storage = new Storage();
  const { unsaved } = opened(storage);
  const conflicts = [{ ...COMMENT, part: "comment", name: "" }];
  unsaved.confirm({ case: "secret-1", number: 4, stored: stored(comment(unsaved, "mine")), conflicts });
  assert.deepEqual([unsaved.pending, unsaved.waiting("secret-1"), unsaved.due(1000), unsaved.due(1e9)], [false, [], [], []]);
  unsaved.confirm({ case: "secret-1", number: 5, stored: stored(unsaved.note("secret-1", "note", { case: "secret-1", flagged: true, touched: ["flagged"] })) });
  assert.equal(opened(storage, "secret-9").left[0].of.base, 3, "the next life of the tab is asked again");
  assert.equal(unsaved.choose("comment ", true).comment, "mine");
});

test("who chooses what is saved sends nothing", () => {
  const { unsaved } = opened(new Storage());
  unsaved.confirm({ case: "secret-1", number: 4, stored: stored(comment(unsaved, "mine")), conflicts: [{ ...COMMENT, part: "comment", name: "" }] });
  assert.equal(unsaved.choose("comment ", false), null);
  assert.equal(unsaved.conflicts.size, 0);
});

test("what another tab has of a comment or an outline that is being changed here is not put over it", () => {
  const { unsaved } = opened(new Storage());
  comment(unsaved, "mine");
  unsaved.note("secret-1", "mask P", { case: "secret-1", photo: "P", runs: [4] });
  const merged = { masks: { P: null, Q: null }, note: { comment: "theirs", flagged: true } };
  const taken = unsaved.confirm({ case: "secret-1", number: 2, merged });
  assert.deepEqual([taken.masks, taken.note], [{ Q: null }, { flagged: true }]);
});

test("where two tabs differ, what is saved is shown until the reader chooses", () => {
  const { unsaved } = opened(new Storage());
  const conflicts = [{ ...COMMENT, part: "comment", name: "" }];
  const taken = unsaved.confirm({ case: "secret-1", number: 4, stored: stored(comment(unsaved, "mine")), conflicts, merged: { note: { comment: "theirs" } } });
  assert.deepEqual(taken.note, { comment: "theirs" });
});

test("answers of one save say what came from another tab whichever is first, and an overtaken one takes nothing back", () => {
  const { unsaved } = opened(new Storage());
  unsaved.confirm({ case: "secret-1", number: 5 });
  assert.deepEqual(unsaved.confirm({ case: "secret-1", number: 5, merged: { note: { flagged: true } } }).note, { flagged: true });
  unsaved.confirm({ case: "secret-1", number: 3 });
  assert.equal(comment(unsaved, "mine").of.base, 5);
});

test("a change of this tab is not saved because another tab's is, and the tenth not because the ninth is", () => {
  const { unsaved } = opened(new Storage());
  for (let i = 0; i < 10; i++) comment(unsaved, String(i));
  unsaved.confirm({ case: "secret-1", number: 1, stored: { note: "another.99" } });
  unsaved.confirm({ case: "secret-1", number: 2, stored: { note: `${unsaved.tab}.9` } });
  assert.ok(unsaved.pending);
});

test("what an earlier life of the tab left goes on from what it knew, whatever is heard of the case since", () => {
  const storage = new Storage();
  comment(opened(storage).unsaved, "mine");
  const { unsaved } = opened(storage, "secret-2", { ...PLACE, id: "ENC00002" });
  unsaved.confirm({ case: "secret-1", number: 9 });
  unsaved.due(1000);
  assert.equal(unsaved.due(60_000)[0].parts[0].of.base, 0);
});

test("the open case's change that has long waited is told, counted from its first change", () => {
  const { unsaved } = opened(new Storage());
  comment(unsaved, "m", 1000);
  const { turn } = comment(unsaved, "mine", 9000);
  assert.deepEqual([unsaved.stuck(10_000, 11_000), unsaved.stuck(10_000, 11_001)], [null, turn]);
  unsaved.open({ ...PLACE, case: "secret-2", saved: { number: 0, stored: {} } });
  assert.equal(unsaved.stuck(10_000, 11_001), null, "of another opening");
});
