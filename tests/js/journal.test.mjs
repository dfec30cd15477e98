// One history of everything that the reader does to a case: whatever was done last is taken back first.

import assert from "node:assert/strict";
import test from "node:test";

import { Journal } from "../../magic_demo/page/panels/frame/keys/journal.mjs";
import { OwnMask } from "../../magic_demo/page/panels/viewer/masks/own_mask.mjs";

/** A journal of one case, and answers that write to it. */
function opened() {
  const journal = new Journal();
  journal.open("secret");
  const answers = {};
  const answer = (family, option) => {
    const before = answers[family];
    const turn = (back) => () => {
      answers[family] = back;
    };
    turn(option)();
    return journal.push("secret", { undo: turn(before), redo: turn(option) });
  };
  return { journal, answers, answer };
}

test("cards and outlines share one history, in the order of what was done", () => {
  const { journal, answers, answer } = opened();
  const own = new OwnMask(4, 4);
  const draw = (mask) => {
    const patch = own.replace(mask);
    const turn = () => own.turn(patch);
    journal.push("secret", { undo: turn, redo: turn });
  };
  answer("CQID010", 1);
  draw(new Uint8Array(16).fill(1));
  answer("CQID010", 2);
  const seen = [];
  const look = () => seen.push([answers.CQID010, own.toRuns()]);
  look();
  while (journal.undo()) look();
  assert.deepEqual(seen, [[2, [0, 16]], [1, [0, 16]], [1, null], [undefined, null]]);
  const again = [];
  while (journal.redo()) again.push([answers.CQID010, own.toRuns()]);
  assert.deepEqual(again, seen.slice(0, 3).reverse());
});

test("something new ends what could be redone", () => {
  const { journal, answers, answer } = opened();
  answer("CQID010", 1);
  journal.undo();
  answer("CQID010", 3);
  assert.equal(journal.redo(), false);
  assert.equal(answers.CQID010, 3);
});

test("undo stops at what the page opened the case with, and knows nothing of the case before", () => {
  const { journal, answers, answer } = opened();
  answer("CQID010", 1);
  journal.open("secret");
  assert.equal(journal.past.length, 1, "the same case goes on");
  journal.open("another");
  assert.equal(journal.undo(), false);
  assert.equal(answers.CQID010, 1);
  answer("CQID010", 2);
  assert.equal(journal.undo(), false, "a late change of the case before is not this case's");
});

test("a step that has nothing to take back any more is passed over", () => {
  const { journal, answers, answer } = opened();
  answer("CQID010", 1);
  journal.push("secret", { undo: () => false, redo: () => {} });
  assert.equal(journal.undo(), true);
  assert.equal(answers.CQID010, undefined);
  assert.equal(journal.undo(), false);
});

test("what a step does is not written down again", () => {
  const { journal, answer } = opened();
  journal.push("secret", { undo: () => answer("CQID010", 1), redo: () => {} });
  journal.undo();
  assert.deepEqual([journal.past.length, journal.future.length], [0, 1]);
});

test("several changes are one step, taken back from the last to the first", () => {
  const { journal, answers, answer } = opened();
  journal.together(() => {
    answer("CQID010", 1);
    answer("CQID010", 2);
    answer("CQID011", 4);
  });
  assert.equal(journal.past.length, 1);
  journal.undo();
  assert.deepEqual(answers, { CQID010: undefined, CQID011: undefined });
  journal.redo();
  assert.deepEqual(answers, { CQID010: 2, CQID011: 4 });
  journal.together(() => {});
  assert.equal(journal.past.length, 1, "nothing done is no step");
});

test("nothing is undone in the middle of a stroke", () => {
  const { journal, answers, answer } = opened();
  let busy = true;
  journal.guard(() => busy);
  answer("CQID010", 1);
  assert.equal(journal.undo(), false);
  assert.equal(answers.CQID010, 1);
  busy = false;
  assert.equal(journal.undo(), true);
});

test("what is gone for good, and what was refined, leaves the history and the rest of it stays", () => {
  const { journal, answers, answer } = opened();
  answer("CQID010", 1);
  const cover = journal.push("secret", { undo: () => assert.fail("these pixels are gone"), redo: () => {}, covers: "P1" });
  const refined = answer("CQID010", 2);
  assert.equal(journal.retract(refined), true);
  assert.equal(journal.retract(refined), false);
  journal.forget((step) => step.covers === "P1");
  assert.ok(!journal.past.includes(cover));
  journal.undo();
  assert.equal(answers.CQID010, undefined);
});

test("who draws the buttons hears of every change", () => {
  const { journal, answer } = opened();
  const heard = [];
  journal.follow(() => heard.push([journal.past.length, journal.future.length]));
  answer("CQID010", 1);
  journal.undo();
  journal.open("another");
  assert.deepEqual(heard, [[1, 0], [0, 1], [0, 0]]);
});

test("steps within a step are part of it, and it is taken back where any of them still can be", () => {
  const { journal, answers, answer } = opened();
  journal.together(() => {
    answer("CQID010", 1);
    journal.together(() => answer("CQID011", 2));
    journal.push("secret", { undo: () => false, redo: () => false });
  });
  assert.equal(journal.past.length, 1);
  assert.equal(journal.undo(), true);
  assert.deepEqual([answers, journal.past.length], [{ CQID010: undefined, CQID011: undefined }, 0]);
});

test("what is gone for good is not done again either", () => {
  const { journal, answer } = opened();
  journal.push("secret", { undo: () => {}, redo: () => assert.fail("these pixels are gone"), covers: "P1" });
  answer("CQID010", 1);
  journal.undo();
  journal.undo();
  journal.forget((step) => step.covers === "P1");
  assert.equal(journal.redo(), true);
  assert.equal(journal.redo(), false);
});
