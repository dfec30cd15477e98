// Where the guide stands, and the board's plot in numbers.

import assert from "node:assert/strict";
import test from "node:test";

import { coefficient, percent, plotBars, stepFrom } from "../../magic_demo/page/workshop/board/bars.mjs";
import { opensByItself } from "../../magic_demo/page/workshop/guide.mjs";
import { placeBeside } from "../../magic_demo/page/workshop/guide_position.mjs";

const ROOM = { width: 1366, height: 768 };
const SIZE = { width: 330, height: 220 };
const covers = (corner, one) =>
  corner.left < one.right && corner.left + SIZE.width > one.left && corner.top < one.bottom && corner.top + SIZE.height > one.top;

test("the guide opens by itself for who is new or asks for it, never over a case whose link is in the address or that the tab opens again", () => {
  const at = (search, hash = "") => ({ search, hash });
  assert.equal(opensByItself(at(""), { guided: true, seen: false }), true);
  assert.equal(opensByItself(at(""), { guided: true, seen: true }), false);
  assert.equal(opensByItself(at(""), { guided: false, seen: false }), false);
  assert.equal(opensByItself(at("?guide"), { guided: false, seen: true }), true);
  assert.equal(opensByItself(at("?guide", "#case=x"), { guided: true, seen: false }), false);
  assert.equal(opensByItself(at(""), { guided: true, seen: false, reopens: true }), false);
  assert.equal(opensByItself(at("?guide"), { guided: true, seen: false, reopens: true }), true, "it was asked for");
});

test("the guide covers nothing it speaks of wherever there is room, and stays in the window", () => {
  for (const [left, top, width, height] of [
    [310, 90, 640, 560],
    [950, 46, 416, 690],
    [0, 46, 268, 690],
    [268, 700, 700, 60],
    [0, 0, 1366, 400],
    [20, 20, 60, 60],
  ]) {
    const one = { left, top, right: left + width, bottom: top + height };
    const corner = placeBeside([one], SIZE, ROOM);
    assert.ok(!covers(corner, one), JSON.stringify(one));
    assert.ok(corner.left >= 0 && corner.top >= 0 && corner.left + SIZE.width <= ROOM.width && corner.top + SIZE.height <= ROOM.height);
  }
});

test("two targets stay clear at once", () => {
  const both = [
    { left: 950, top: 46, right: 1366, bottom: 736 },
    { left: 268, top: 90, right: 310, bottom: 690 },
  ];
  const corner = placeBeside(both, SIZE, ROOM);
  assert.ok(both.every((one) => !covers(corner, one)));
});

test("where everything is spoken of, as little as can be is covered and the guide can still be seen", () => {
  const corner = placeBeside([{ left: 0, top: 0, right: 1366, bottom: 700 }], SIZE, ROOM);
  assert.equal(corner.top, ROOM.height - SIZE.height - 14);
  assert.ok(placeBeside([], SIZE, { width: 200, height: 100 }).left >= 0);
});

test("bars are shares of the answers, the model's come with their marks", () => {
  const model = { shares: [0.7, 0.25, 0.05], calibrated: true, chosen: [0] };
  assert.deepEqual(plotBars({ counts: [1, 3, 0], answered: 4, model }), [
    { count: 1, audience: 0.25, model: 0.7, written: "70%", chosen: true },
    { count: 3, audience: 0.75, model: 0.25, written: "25%", chosen: false },
    { count: 0, audience: 0, model: 0.05, written: "5%", chosen: false },
  ]);
  assert.equal(plotBars({ counts: [0], answered: 0, model: { ...model, calibrated: false } })[0].written, "0.70");
});

test("nothing is written of the model before it is shown", () => {
  assert.deepEqual(plotBars({ counts: [0, 0], answered: 0, model: null }), Array(2).fill({ count: 0, audience: 0, model: 0, written: "", chosen: false }));
});

test("numbers that do not exist are a dash", () => {
  assert.equal(percent(null), "–");
  assert.equal(percent(0), "0%");
  assert.equal(coefficient(null), "–");
  assert.equal(coefficient(-0.126), "−0.13");
});

test("a step leads over the end of a case to the next one and stops at the last", () => {
  assert.deepEqual(stepFrom({ case: 0, index: 8 }, 1, 9, 8), { case: 1, index: 0 });
  assert.deepEqual(stepFrom({ case: 1, index: 0 }, -1, 9, 8), { case: 0, index: 8 });
  assert.equal(stepFrom({ case: 7, index: 8 }, 1, 9, 8), null);
  assert.equal(stepFrom({ case: 0, index: 0 }, -1, 9, 8), null);
});

test("every option that the model chose is marked", () => {
  const model = { shares: [0.7, 0.6, 0.1], calibrated: true, chosen: [0, 1] };
  assert.deepEqual(plotBars({ counts: [1, 0, 0], answered: 1, model }).map(({ chosen }) => chosen), [true, true, false]);
});
