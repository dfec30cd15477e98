import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { Journal } from "../../../magic_demo/page/panels/frame/keys/journal.mjs";
import { measurePhoto } from "../../../magic_demo/page/panels/viewer/beside/measures.mjs";
import { fromRuns } from "../../../magic_demo/page/panels/viewer/masks/runs.mjs";
import { colourPieces } from "../../../magic_demo/page/panels/viewer/pieces/piece_colours.mjs";
import { follow, irregularity, measurePiece, pieceAt, piecesOf } from "../../../magic_demo/page/panels/viewer/pieces/pieces.mjs";
import { drawnAt, filedAt, MOST_CHARACTERS, MOST_REMARKS, Remarks } from "../../../magic_demo/page/panels/viewer/pieces/remarks.mjs";

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));

/** A mask drawn with # on rows of equal length. */
function draw(rows) {
  const [width, height] = [rows[0].length, rows.length];
  return { data: Uint8Array.from(rows.join(""), (one) => (one === "#" ? 1 : 0)), width, height };
}

const pieces = (rows) => {
  const { data, width, height } = draw(rows);
  return piecesOf(data, width, height);
};

// The same masks and numbers are in tests/imaging/test_pieces.py.
for (const { name, rows, parts } of read("pieces.json")) {
  test(`the browser numbers and measures parts as the program does: ${name}`, () => {
    const found = pieces(rows);
    assert.deepEqual(found.map(({ number, speck, area, at }) => ({ number, speck, area, at: [at.x, at.y] })), parts.map(({ number, speck, area, at }) => ({ number, speck, area, at })));
    found.forEach((piece, i) => {
      assert.ok(Math.abs(measurePiece(piece).diameter - parts[i].diameter) < 1e-6, `${name} ${i}: ${measurePiece(piece).diameter}`);
      assert.ok(Math.abs(irregularity(piece) - parts[i].irregularity) < 1e-6, `${name} ${i}: ${irregularity(piece)}`);
    });
  });
}

const TWO = ["......................", ".####..........######.", ".####..........######.", ".####..........######.", "......................"];
const JOINED = TWO.map((row, y) => (y === 2 ? ".####################." : row));

test("a comment stays with its lesion while the outline grows, and an erased pixel leads it to what is left", () => {
  const before = pieces(TWO);
  const at = [{ x: 3, y: 1 }];
  const grown = pieces(TWO.map((row) => row.replace(".####.", "#####.")));
  assert.deepEqual(follow(at, before, grown), { at, what: null });
  const cut = pieces(TWO.map((row) => row.replace(".####.", ".##...")));
  const moved = follow(at, before, cut);
  assert.ok(pieceAt(cut, moved.at[0])?.number === 1 && pieceAt(before, moved.at[0])?.number === 1 && moved.what === null);
  assert.deepEqual(follow(moved.at, cut, before).at, moved.at, "undone, it is where it belongs");
});

test("lesions that join keep both comments, and each has its own again when that is undone", () => {
  const [apart, together] = [pieces(TWO), pieces(JOINED)];
  const at = [{ x: 2, y: 2 }, { x: 18, y: 2 }];
  const joined = follow(at, apart, together);
  assert.deepEqual(joined, { at, what: "joined" });
  const undone = follow(joined.at, together, apart);
  assert.deepEqual([undone.at.map((point) => pieceAt(apart, point).number), undone.what], [[1, 2], "split"]);
});

test("of a lesion that splits the part with the comment's pixel keeps it, else the one that has most of it", () => {
  const [apart, together] = [pieces(TWO), pieces(JOINED)];
  assert.deepEqual(follow([{ x: 2, y: 2 }], together, apart), { at: [{ x: 2, y: 2 }], what: "split" });
  const between = follow([{ x: 8, y: 2 }], together, apart); // its pixel was in the bridge
  assert.deepEqual([pieceAt(apart, between.at[0]).number, between.what], [2, "split"]);
});

test("the comment on a lesion that is gone stays, is said to be on none, and comes back with it", () => {
  const [before, none] = [pieces(TWO), pieces(TWO.map((row) => row.replace("####.", ".....")))];
  const at = [{ x: 2, y: 2 }];
  const gone = follow(at, before, none);
  assert.deepEqual(gone, { at, what: "gone" });
  assert.equal(pieceAt(none, at[0]), null);
  assert.deepEqual(follow(gone.at, none, before), { at, what: null });
  assert.equal(pieceAt(before, at[0]).number, 1);
});

test("a photo drawn smaller than its file gives back the very pixel", () => {
  for (const [full, size] of [[4000, 2048], [2049, 2048], [3000, 2048], [2048, 2048], [7, 7]]) {
    const photo = { width: size, height: size, fullWidth: full, fullHeight: full };
    for (let x = 0; x < size; x++) assert.deepEqual(drawnAt(photo, filedAt(photo, { x, y: x })), { x, y: x });
  }
});

test("comments are told, undone and redone; that they follow the outline is told and no edit of its own", () => {
  const journal = new Journal();
  journal.open("case");
  const photo = { name: "arm", width: 20, height: 10, fullWidth: 40, fullHeight: 20 };
  const told = [];
  const remarks = new Remarks({ journal, openId: () => "case", reach: () => photo, changed: () => told.push(remarks.written(photo)) });
  remarks.restore([photo], { arm: [[4, 6, "scar"]] }, false);
  assert.deepEqual([remarks.of(photo), told], [[[4, 6, "scar"]], []]);
  remarks.say(photo, null, { x: 10, y: 5 }, " itches ");
  remarks.say(photo, 0, null, "old scar");
  assert.deepEqual(told.at(-1), [[4, 6, "old scar"], [20, 10, "itches"]]);
  remarks.move(photo, [{ x: 2, y: 3 }, { x: 11, y: 5 }]);
  assert.deepEqual(told.at(-1), [[4, 6, "old scar"], [22, 10, "itches"]], "what has not moved keeps its pixel to the letter");
  remarks.move(photo, [{ x: 2, y: 3 }, { x: 11, y: 5 }]);
  assert.equal(told.length, 3);
  remarks.move(photo, [{ x: 2, y: 3 }, { x: 10, y: 5 }]);
  journal.undo();
  assert.deepEqual(told.at(-1), [[4, 6, "scar"], [20, 10, "itches"]]);
  journal.undo();
  journal.redo();
  remarks.say(photo, 0, null, " ");
  assert.deepEqual(told.at(-1), [[20, 10, "itches"]]);
  remarks.say(photo, 0, null, "");
  assert.equal(told.at(-1), null, "nothing is told as nothing");
});

test("each lesion has a colour of its own, one alone that of the whole outline", () => {
  const [, ...cases] = read("measures.json");
  for (const one of cases) {
    const mask = { data: fromRuns(one.runs, one.width * one.height), width: one.width, height: one.height };
    const bytes = Buffer.from(one.rgb, "base64");
    const data = new Uint8ClampedArray(one.width * one.height * 4).fill(255);
    for (let i = 0; i < one.width * one.height; i++) for (let channel = 0; channel < 3; channel++) data[i * 4 + channel] = bytes[i * 3 + channel];
    const pixels = { data, width: one.width, height: one.height };
    const found = piecesOf(mask.data, one.width, one.height).filter(({ speck }) => !speck);
    const colours = colourPieces(pixels, mask, found);
    const whole = measurePhoto(pixels, mask).colour;
    if (found.length === 1) assert.equal(colours.get(1) ?? null, whole, one.name);
    else assert.ok([...colours.keys()].every((number) => found.some((piece) => piece.number === number)));
  }
});

test("of several things that happen to comments, that a lesion is gone is said before that two have joined, and that before a split", () => {
  const [from, to] = ["##..##..##..##", "######......##"].map((row) => pieces([row, row]));
  const at = [{ x: 0, y: 0 }, { x: 4, y: 0 }, { x: 8, y: 0 }];
  assert.equal(follow(at, from, to).what, "gone");
  assert.equal(follow(at.slice(0, 2), from, to).what, "joined");
  const [before, later] = ["##.######", "#####..##"].map((row) => pieces([row, row]));
  assert.equal(follow([{ x: 0, y: 0 }, { x: 3, y: 0 }], before, later).what, "joined");
});

test("a comment moves up and down with its lesion, is cut at its length, and no more are taken than can be kept", () => {
  const photo = { name: "arm", width: 20, height: 10 };
  const journal = { push() {} };
  const remarks = new Remarks({ journal, openId: () => "case", reach: () => photo, changed() {} });
  remarks.say(photo, null, { x: 1, y: 1 }, "x".repeat(MOST_CHARACTERS + 1));
  assert.equal(remarks.written(photo)[0][2].length, MOST_CHARACTERS);
  remarks.move(photo, [{ x: 1, y: 5 }]);
  assert.deepEqual(remarks.written(photo)[0].slice(0, 2), [1, 5]);
  for (let i = 0; i < MOST_REMARKS; i++) remarks.say(photo, null, { x: 1, y: 1 }, "scar");
  assert.equal(remarks.written(photo).length, MOST_REMARKS);
  remarks.looked = {};
  assert.equal(remarks.written(photo).length, MOST_REMARKS, "an earlier version that is looked at is not told");
});
