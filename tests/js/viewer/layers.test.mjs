import assert from "node:assert/strict";
import test from "node:test";

import { contour, contourInside, rangeBetween, tileRanges, updateRanges } from "../../../magic_demo/page/panels/viewer/masks/contour.mjs";
import { lookOf, MODEL, MODEL_BESIDE, OWN } from "../../../magic_demo/page/panels/viewer/canvas/layer_looks.mjs";
import { Outbox } from "../../../magic_demo/page/panels/viewer/masks/outbox.mjs";
import { layersOf } from "../../../magic_demo/page/panels/viewer/canvas/scene.mjs";
import { toPhoto, toWindow } from "../../../magic_demo/page/panels/viewer/canvas/view.mjs";

const layer = (name) => ({ fill: `${name} fill`, heat: () => `${name} heat`, outline: () => `${name} outline` });
const everything = { model: layer("model"), own: layer("own"), others: [layer("Li"), layer("Ana")] };
const scene = (sources, options = {}) => layersOf(sources, { which: "all", shown: () => true, mode: "both", step: 1, ...options });

test("without an own mask the model's is filled and outlined", () => {
  assert.deepEqual(scene({ ...everything, own: null, others: [] }), [{ fill: "model fill", heat: null, outline: "model outline", look: MODEL }]);
});

test("beside an own mask the model's is a dashed outline, and the own lies on top", () => {
  const layers = scene(everything);
  assert.deepEqual(layers.map((one) => one.outline), ["model outline", "Li outline", "Ana outline", "own outline"]);
  assert.deepEqual(layers.map((one) => one.fill), [null, null, null, "own fill"]);
  assert.equal(layers[0].look, MODEL_BESIDE);
  assert.equal(layers[3].look, OWN);
});

test("what is switched off or not asked for is not drawn", () => {
  assert.deepEqual(scene(everything, { shown: (name) => name === "reader-1" }).map((one) => one.outline), ["Ana outline"]);
  assert.deepEqual(scene(everything, { which: "model" }).map((one) => [one.fill, one.look]), [["model fill", MODEL]]);
  assert.deepEqual(scene(everything, { which: "reader-0" }).map((one) => one.outline), ["Li outline"]);
  assert.deepEqual(scene(everything, { which: "photo" }), []);
  assert.deepEqual(scene(everything, { mode: "none" }), []);
  assert.deepEqual(scene(everything, { mode: "heat" })[0].heat, "model heat");
});

test("a shade beside other layers keeps the line that the legend names; alone it has none", () => {
  assert.deepEqual(scene({ ...everything, others: [] }, { mode: "fill" }).map((one) => one.outline), ["model outline", "own outline"]);
  assert.equal(scene({ model: null, own: everything.own, others: [] }, { mode: "fill" })[0].outline, null);
  assert.equal(scene({ model: everything.model, own: null, others: [] }, { mode: "fill" })[0].outline, null);
});

test("every layer has a line of its own: the dash differs wherever the colour could be taken for another", () => {
  const looks = [MODEL_BESIDE, OWN, ...Array.from({ length: 20 }, (_, number) => lookOf(number))];
  assert.equal(new Set(looks.map((look) => `${look.line} ${look.dash}`)).size, looks.length);
  const dashes = [MODEL_BESIDE, OWN, ...Array.from({ length: 5 }, (_, number) => lookOf(number))].map((look) => look.dash.join(" "));
  assert.equal(new Set(dashes).size, dashes.length);
});

test("a changed rectangle brings the tiles up to date as if all were measured", () => {
  const [width, height] = [130, 90];
  const mask = new Uint8Array(width * height);
  const ranges = tileRanges(mask, width, height);
  for (const rect of [{ left: 31, top: 31, right: 34, bottom: 33 }, { left: 0, top: 0, right: 1, bottom: 1 }, { left: 90, top: 60, right: 130, bottom: 90 }]) {
    for (let y = rect.top; y < rect.bottom; y++) mask.fill(1, y * width + rect.left, y * width + rect.right);
    updateRanges(ranges, mask, width, height, rect);
    assert.deepEqual(ranges, tileRanges(mask, width, height));
  }
});

test("a new threshold touches only the tiles whose levels lie between the two", () => {
  const [width, height] = [200, 150];
  const levels = Uint8Array.from({ length: width * height }, (_, i) => Math.max(0, 250 - 4 * Math.round(Math.hypot((i % width) - 100, Math.floor(i / width) - 75))));
  const ranges = tileRanges(levels, width, height);
  for (const [one, other] of [[128, 140], [140, 128], [10, 250], [245, 250]]) {
    const rect = rangeBetween(ranges, width, height, one, other);
    for (let i = 0; i < levels.length; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const changes = levels[i] >= one !== levels[i] >= other;
      if (changes) assert.ok(x >= rect.left && x < rect.right && y >= rect.top && y < rect.bottom);
    }
  }
  assert.equal(rangeBetween(ranges, width, height, 252, 255), null);
  assert.ok(rangeBetween(ranges, width, height, 240, 245).right - rangeBetween(ranges, width, height, 240, 245).left < 100);
});

test("the outline inside a rectangle is the part of the whole one that lies there, open where it leaves", () => {
  const [width, height] = [40, 30];
  const mask = Uint8Array.from({ length: width * height }, (_, i) => (Math.hypot((i % width) - 20, Math.floor(i / width) - 15) < 9 ? 1 : 0));
  const corners = (line) => Array.from({ length: line.length / 2 }, (_, i) => `${line[2 * i]} ${line[2 * i + 1]}`);
  const [whole] = contour(mask, width, height, 1);
  const all = contourInside(mask, width, height, { left: 0, top: 0, right: width, bottom: height });
  assert.deepEqual([all.open.length, all.closed.map(corners)], [0, [corners(whole)]]);
  const rect = { left: 5, top: 10, right: 15, bottom: 20 };
  const { open, closed } = contourInside(mask, width, height, rect);
  assert.deepEqual([open.length, closed.length], [1, 0]);
  const near = corners(whole).filter((_, i) => whole[2 * i] < 15 && whole[2 * i + 1] > 10 && whole[2 * i + 1] < 20);
  assert.ok(near.length > 8 && near.every((corner) => corners(open[0]).includes(corner)));
});

test("a mask is told once it has rested, the latest only, and at once when asked", async () => {
  const sent = [];
  const outbox = new Outbox((entry) => sent.push(entry), 20);
  let state = "first";
  outbox.note("photo", () => state);
  state = "second";
  outbox.note("photo", () => state);
  assert.deepEqual(sent, []);
  await new Promise((done) => setTimeout(done, 60));
  assert.deepEqual(sent, ["second"]);
  outbox.note("one", () => 1);
  outbox.note("other", () => 2);
  outbox.flush();
  outbox.flush();
  assert.deepEqual(sent, ["second", 1, 2]);
});

test("window and photo coordinates are each other's way back", () => {
  const view = { scale: 0.7, x: -12, y: 33 };
  const point = toPhoto(view, toWindow(view, { x: 17, y: 25 }));
  assert.ok(Math.hypot(point.x - 17, point.y - 25) < 1e-9);
});
