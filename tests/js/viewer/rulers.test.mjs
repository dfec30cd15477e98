import assert from "node:assert/strict";
import test from "node:test";

import { Journal } from "../../../magic_demo/page/panels/frame/keys/journal.mjs";
import { longestDiameter } from "../../../magic_demo/page/panels/viewer/masks/diameter.mjs";
import { beginsLength, endsOf, lengthOf, lineAt, lineBetween, MOST_LINES, NEAR, readMm, Rulers, sayLength, scaleOf } from "../../../magic_demo/page/panels/viewer/tools/rulers.mjs";

const PHOTO = { name: "arm", width: 200, height: 100, fullWidth: 400, fullHeight: 200 };
const KNOWN = [0, 0, 100, 0];

function open() {
  const journal = new Journal();
  journal.open("case");
  const told = [];
  const rulers = new Rulers({ journal, openId: () => "case", reach: () => PHOTO, changed: (photo) => told.push(rulers.written(photo)) });
  return { journal, rulers, told };
}

test("a line is kept in the file's own pixels, within the photo, and drawn where it was", () => {
  assert.deepEqual(lineBetween(PHOTO, { x: 10, y: 20 }, { x: 250, y: -3 }), [20, 40, 400, 0]);
  assert.deepEqual(endsOf(PHOTO, [20, 40, 400, 0]), [{ x: 10, y: 20 }, { x: 200, y: 0 }]);
  assert.deepEqual(lineBetween({ width: 9, height: 9 }, { x: 1, y: 2 }, { x: 3, y: 4 }), [1, 2, 3, 4]);
});

test("there is no millimetre without a known line, and every length follows it", () => {
  assert.equal(scaleOf({ known: null, mm: null, lines: [KNOWN] }), null);
  assert.equal(sayLength(100, null), "100 px");
  const { rulers } = open();
  rulers.add(PHOTO, KNOWN, { calibrates: false, mm: 10 });
  rulers.add(PHOTO, [0, 0, 0, 50], { calibrates: false, mm: 99 });
  assert.deepEqual(rulers.of(PHOTO), { known: KNOWN, mm: 10, lines: [[0, 0, 0, 50]] }, "the first line is the known one");
  assert.equal(sayLength(50, rulers.scale(PHOTO)), "5.0 mm");
  rulers.setMm(PHOTO, 20);
  assert.equal(sayLength(50, rulers.scale(PHOTO)), "10.0 mm");
  rulers.add(PHOTO, [0, 0, 200, 0], { calibrates: true, mm: 20 });
  assert.equal(sayLength(50, rulers.scale(PHOTO)), "5.0 mm");
  rulers.remove(PHOTO, -1);
  assert.equal(sayLength(50, rulers.scale(PHOTO)), "50 px");
  assert.equal(rulers.scale({ name: "leg" }), null, "each photo has its own");
});

test("every edit is told, undone and redone; nothing is told of what changes nothing", () => {
  const { journal, rulers, told } = open();
  rulers.add(PHOTO, KNOWN, { calibrates: false, mm: 10 });
  rulers.setMm(PHOTO, 10);
  rulers.remove(PHOTO, -1);
  assert.deepEqual(told, [{ known: KNOWN, mm: 10, lines: [] }, null]);
  journal.undo();
  journal.undo();
  assert.deepEqual(told.slice(2), [{ known: KNOWN, mm: 10, lines: [] }, null]);
  journal.redo();
  assert.equal(rulers.of(PHOTO).mm, 10);
});

test("what was saved is taken once; what comes from another tab is one more edit", () => {
  const { journal, rulers, told } = open();
  const saved = { arm: { known: KNOWN, mm: 5, lines: [] } };
  rulers.restore([PHOTO], saved, false);
  assert.deepEqual([rulers.of(PHOTO).mm, told.length], [5, 0]);
  rulers.setMm(PHOTO, 7);
  rulers.restore([PHOTO], saved, false);
  assert.equal(rulers.of(PHOTO).mm, 7);
  rulers.restore([PHOTO], { arm: null }, true);
  assert.equal(rulers.scale(PHOTO), null);
  journal.undo();
  assert.equal(rulers.of(PHOTO).mm, 7);
  rulers.looked = { arm: saved.arm };
  assert.equal(rulers.of(PHOTO).mm, 5, "an earlier version is shown while it is looked at");
});

test("a line is meant near its whole length, and the nearest one of several", () => {
  const ruler = { known: KNOWN, mm: 10, lines: [[0, 20, 100, 20], [300, 100, 300, 100.5]] };
  assert.equal(lineAt(PHOTO, ruler, { x: 25, y: 2 }, 3), -1);
  assert.equal(lineAt(PHOTO, ruler, { x: 25, y: 7 }, 8), 0);
  assert.equal(lineAt(PHOTO, ruler, { x: 60, y: 2 }, 3), null);
  assert.equal(lineAt(PHOTO, { known: null, lines: [] }, { x: 0, y: 0 }, 99), null);
});

test("a digit begins a length, and no other key does", () => {
  assert.deepEqual(["0", "7", "a", "Enter", ".", "F1"].map(beginsLength), [true, true, false, false, false, false]);
});

test("a typed length is a number of millimetres within reason", () => {
  assert.deepEqual(["10", " 25,4 ", "0.1", "1000", "0.05", "2000", "", "abc"].map(readMm), [10, 25.4, 0.1, 1000, null, null, null, null]);
  assert.equal(lengthOf([0, 0, 3, 4]), 5);
});

test("the longest diameter is that of the largest part, from corner to corner of its pixels", () => {
  const mask = new Uint8Array(200 * 100);
  for (let y = 50; y < 80; y++) mask.fill(1, y * 200 + 10, y * 200 + 50);
  mask[95 * 200 + 190] = 1;
  assert.equal(longestDiameter(mask, 200, 100), 50);
  assert.equal(longestDiameter(new Uint8Array(9), 3, 3), 0);
});

test("a click or tap means a line that it hits, and begins another one a little beside it", () => {
  const ruler = { known: KNOWN, mm: 10, lines: [] };
  for (const [kind, on, beside] of [["mouse", 3, 6], ["pen", 4, 8], ["touch", 8, 12]]) {
    assert.equal(lineAt(PHOTO, ruler, { x: 20, y: on }, NEAR[kind]), -1, `${kind} on it`);
    assert.equal(lineAt(PHOTO, ruler, { x: 20, y: beside }, NEAR[kind]), null, `${kind} beside it`);
  }
});

test("a new known line leaves what was measured, as taking one away leaves the others", () => {
  const { rulers } = open();
  const lines = [[0, 0, 0, 50], [0, 0, 0, 60]];
  for (const line of [KNOWN, ...lines]) rulers.add(PHOTO, line, { calibrates: false, mm: 10 });
  rulers.add(PHOTO, [0, 0, 200, 0], { calibrates: true, mm: 20 });
  assert.deepEqual(rulers.written(PHOTO), { known: [0, 0, 200, 0], mm: 20, lines });
  rulers.remove(PHOTO, 0);
  assert.deepEqual(rulers.written(PHOTO).lines, [lines[1]]);
  rulers.remove(PHOTO, -1);
  rulers.setMm(PHOTO, 5);
  assert.deepEqual(rulers.written(PHOTO), { known: null, mm: null, lines: [lines[1]] }, "no millimetres without a known line");
});

test("no more lines are taken than can be kept", () => {
  const { rulers } = open();
  for (let i = 0; i < MOST_LINES + 2; i++) rulers.add(PHOTO, [0, 0, 10 + i, 0], { calibrates: false, mm: 10 });
  assert.equal(rulers.written(PHOTO).lines.length, MOST_LINES);
});

test("what is told is the reader's own while an earlier version is looked at, and what was done to a photo that has gone is not undone", () => {
  const { journal, rulers } = open();
  rulers.add(PHOTO, KNOWN, { calibrates: false, mm: 10 });
  rulers.looked = {};
  assert.equal(rulers.written(PHOTO).mm, 10);
  rulers.reach = () => null;
  assert.equal(journal.undo(), false);
  assert.equal(rulers.written(PHOTO).mm, 10);
});
