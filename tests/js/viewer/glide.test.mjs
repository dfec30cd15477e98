import assert from "node:assert/strict";
import test from "node:test";

import { openGlide } from "../../../magic_demo/page/panels/viewer/canvas/glide.mjs";

/** Let every frame that is asked for come, 16 milliseconds after the one before. */
function play() {
  let [now, count] = [performance.now(), 0];
  for (let frame = frames.shift(); frame; frame = frames.shift(), count++) frame((now += 16));
  return count;
}

const frames = [];
globalThis.requestAnimationFrame = (frame) => frames.push(frame);

test("a step of the zoom comes in several frames and amounts to its factor", () => {
  let scale = 1;
  const step = openGlide((factor) => (scale *= factor), () => false);
  step(1.25);
  assert.equal(scale, 1);
  assert.ok(play() > 3);
  assert.ok(Math.abs(scale - 1.25) < 1e-9);
});

test("steps during a glide add up, there and back", () => {
  let scale = 1;
  const step = openGlide((factor) => (scale *= factor), () => false);
  step(1.25);
  frames.shift()(performance.now() + 16);
  step(1.25);
  step(1 / 1.25);
  play();
  assert.ok(Math.abs(scale - 1.25) < 1e-9);
  step(2);
  play();
  assert.ok(Math.abs(scale - 2.5) < 1e-9);
});

test("who wants no motion gets the step at once", () => {
  let scale = 1;
  openGlide((factor) => (scale *= factor), () => true)(1.25);
  assert.deepEqual([scale, frames.length], [1.25, 0]);
});
