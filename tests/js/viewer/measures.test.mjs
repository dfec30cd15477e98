import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { DEFINITIONS, measurePhoto, nameColour, toLab } from "../../../magic_demo/page/panels/viewer/beside/measures.mjs";
import { fromRuns } from "../../../magic_demo/page/panels/viewer/masks/runs.mjs";

// Written by `python -m tests.support.measures_fixture` with magic_demo/imaging/measure.py.
const [definitions, ...cases] = JSON.parse(readFileSync(new URL("measures.json", import.meta.url), "utf8"));

function photoOf({ rgb, width, height }) {
  const bytes = Buffer.from(rgb, "base64");
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) for (let channel = 0; channel < 3; channel++) data[i * 4 + channel] = bytes[i * 3 + channel];
  return { data, width, height };
}

for (const one of cases) {
  test(`the browser measures as the program does: ${one.name}`, () => {
    const mask = { data: fromRuns(one.runs, one.width * one.height), width: one.width, height: one.height };
    const found = measurePhoto(photoOf(one), mask);
    assert.equal(found.count, one.count);
    assert.ok(Math.abs(found.areaShare - one.area_share) < 1e-5);
    assert.equal(found.colour, one.colour);
    assert.equal(found.tone?.group, one.tone?.group);
    if (one.tone) assert.ok(Math.abs(found.tone.angle - one.tone.angle) < 0.3, `${found.tone.angle} degrees, not ${one.tone.angle}`);
  });
}

test("the browser measures by the same numbers", () => assert.deepEqual(DEFINITIONS, definitions));

test("a mask larger than what is measured is brought to its size", () => {
  const one = cases[0];
  const small = fromRuns(one.runs, one.width * one.height);
  const large = new Uint8Array(small.length * 9);
  for (let y = 0; y < one.height * 3; y++) for (let x = 0; x < one.width * 3; x++) large[y * one.width * 3 + x] = small[Math.floor(y / 3) * one.width + Math.floor(x / 3)];
  const found = measurePhoto(photoOf(one), { data: large, width: one.width * 3, height: one.height * 3 });
  assert.equal(found.count, one.count);
  assert.ok(Math.abs(found.areaShare - one.area_share) < 1e-5);
});

test("colours are those of CIE Lab", () => {
  for (const [rgb, lab] of [[[255, 255, 255], [100, 0, 0]], [[255, 0, 0], [53.24, 80.09, 67.2]], [[0, 0, 0], [0, 0, 0]]]) {
    toLab(rgb).forEach((value, i) => assert.ok(Math.abs(value - lab[i]) < 0.05));
  }
  assert.equal(nameColour([-37, -3, -6]), "black");
});
