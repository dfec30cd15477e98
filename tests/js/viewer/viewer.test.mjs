import assert from "node:assert/strict";
import test from "node:test";

import { contour, emptyRanges, maskAt, thin, tileRanges, updateRanges } from "../../../magic_demo/page/panels/viewer/masks/contour.mjs";
import { areaShare, countLevels, fillPalette, heatPalette, levelOf, levelsFromRgba } from "../../../magic_demo/page/panels/viewer/masks/levels.mjs";
import { bounds } from "../../../magic_demo/page/panels/viewer/masks/runs.mjs";
import { adjust, angleOf, PLAIN, tableOf } from "../../../magic_demo/page/panels/viewer/display/adjusting.mjs";
import { linkView } from "../../../magic_demo/page/panels/viewer/display/second.mjs";
import { needsDetail, partInSight } from "../../../magic_demo/page/panels/viewer/canvas/detail.mjs";
import { extent, fit, keepInside, MAX_SCALE, mostScale, pinch, toPhoto, toWindow, turnAt, zoomAt } from "../../../magic_demo/page/panels/viewer/canvas/view.mjs";

function disc(width, height, x, y, radius) {
  const levels = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      levels[row * width + column] = Math.max(0, Math.min(255, Math.round(128 + (radius - distance) * 40)));
    }
  }
  return levels;
}

test("the level of a threshold is the one Python takes", () => {
  assert.deepEqual([0, 0.02, 0.5, 0.501, 0.98, 1].map(levelOf), [1, 6, 128, 128, 250, 255]);
});

test("mask and area share agree at every threshold", () => {
  const levels = disc(60, 50, 30, 25, 12);
  const counts = countLevels(levels);
  for (const threshold of [0.02, 0.3, 0.5, 0.7, 0.98]) {
    const inside = maskAt(levels, 60, 50, levelOf(threshold), tileRanges(levels, 60, 50)).reduce((sum, one) => sum + one, 0);
    assert.equal(areaShare(counts, levelOf(threshold)), inside / levels.length);
  }
  assert.equal(areaShare(countLevels(new Uint8Array(0)), 1), 0);
});

test("the ranges of a mask are made from the rectangle that holds it", () => {
  const mask = disc(200, 150, 70, 60, 25).map((level) => (level >= 128 ? 1 : 0));
  const ranges = emptyRanges(200, 150);
  updateRanges(ranges, mask, 200, 150, bounds(mask, 200, 150));
  assert.deepEqual(ranges, tileRanges(mask, 200, 150));
});

test("a fill paints the mask's pixels and no others", () => {
  const palette = fillPalette(128, [1, 2, 3]);
  const pixels = Uint32Array.from([0, 127, 128, 255], (level) => palette[level]);
  assert.deepEqual([...new Uint8Array(pixels.buffer)], [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 255, 1, 2, 3, 255]);
});

test("heat grows lighter and more opaque with the level", () => {
  const bytes = new Uint8Array(heatPalette().buffer);
  const light = (level) => bytes[level * 4] * 0.3 + bytes[level * 4 + 1] * 0.59 + bytes[level * 4 + 2] * 0.11;
  for (let level = 1; level < 256; level++) {
    assert.ok(light(level) >= light(level - 1) - 1, `level ${level}`);
    assert.ok(bytes[level * 4 + 3] >= bytes[(level - 1) * 4 + 3]);
  }
});

test("levels come back out of a grey picture", () => {
  assert.deepEqual([...levelsFromRgba(Uint8ClampedArray.from([7, 7, 7, 255, 9, 9, 9, 255]))], [7, 9]);
});

test("the outline of a disc is one closed line on its border, with the lesion on its left", () => {
  const lines = contour(disc(100, 80, 45, 40, 20), 100, 80, 128);
  assert.equal(lines.length, 1);
  const [line] = lines;
  let area = 0;
  for (let i = 0; i < line.length; i += 2) {
    const distance = Math.hypot(line[i] - 45, line[i + 1] - 40);
    assert.ok(Math.abs(distance - 20) < 0.2, `distance ${distance}`);
    const after = (i + 2) % line.length;
    assert.ok(Math.hypot(line[after] - line[i], line[after + 1] - line[i + 1]) < 1.5, "no gap");
    area += (line[i] * line[after + 1] - line[after] * line[i + 1]) / 2;
  }
  assert.ok(Math.abs(-area - Math.PI * 400) < 15, `area ${area}`);
});

test("a hole has a line of its own", () => {
  const inner = disc(100, 80, 45, 40, 8);
  const ring = disc(100, 80, 45, 40, 20).map((level, i) => Math.min(level, 255 - inner[i]));
  assert.equal(contour(ring, 100, 80, 128).length, 2);
});

test("a lesion that runs out of the photo is outlined along its edge", () => {
  const lines = contour(new Uint8Array(40 * 30).fill(255), 40, 30, 128);
  assert.equal(lines.length, 1);
  for (let i = 0; i < lines[0].length; i += 2) {
    const [x, y] = [lines[0][i], lines[0][i + 1]];
    assert.ok(x >= 0 && x <= 40 && y >= 0 && y <= 30);
    assert.ok(Math.min(x, 40 - x, y, 30 - y) < 0.5);
  }
});

test("a thinned line keeps its shape", () => {
  const [line] = contour(disc(100, 80, 45, 40, 20), 100, 80, 128);
  const few = thin(line, 4);
  assert.ok(few.length < line.length / 3 && few.length > 20);
  for (let i = 0; i < few.length; i += 2) assert.ok(Math.abs(Math.hypot(few[i] - 45, few[i + 1] - 40) - 20) < 0.2);
  assert.deepEqual(thin(line, 1000), line);
});

test("skipping whole tiles changes nothing", () => {
  const width = 150;
  const height = 90;
  const levels = new Uint8Array(width * height);
  let seed = 1;
  for (let i = 0; i < levels.length; i++) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    const patch = (Math.floor(i / width / 40) + Math.floor((i % width) / 40)) % 2;
    levels[i] = patch ? 255 : seed % 300 > 290 ? 200 : 0;
  }
  const everything = { ...tileRanges(levels, width, height) };
  everything.low = everything.low.map(() => 0);
  everything.high = everything.high.map(() => 255);
  const sorted = (lines) => lines.flatMap((line) => Array.from({ length: line.length / 2 }, (_, i) => line.slice(2 * i, 2 * i + 2).join(" "))).sort();
  assert.deepEqual(sorted(contour(levels, width, height, 128)), sorted(contour(levels, width, height, 128, everything)));
});

test("nothing above the level has no outline", () => {
  assert.equal(contour(new Uint8Array(50 * 50).fill(90), 50, 50, 128).length, 0);
});

test("fit shows the whole photo in the middle", () => {
  const room = { width: 700, height: 600 };
  for (const photo of [{ width: 2048, height: 1536 }, { width: 300, height: 2000 }, { width: 60, height: 40 }]) {
    const view = fit(photo, room);
    assert.ok(view.x >= 0 && view.y >= 0 && view.x + photo.width * view.scale <= 700 && view.y + photo.height * view.scale <= 600);
    assert.ok(Math.abs(view.x * 2 + photo.width * view.scale - 700) < 1e-9);
  }
  assert.equal(fit({ width: 60, height: 40 }, room).scale, 4);
  assert.equal(fit({ width: 60, height: 40 }, { width: 0, height: 0 }).scale, 1);
});

test("zooming keeps what is under the pointer", () => {
  const view = { scale: 0.5, x: 20, y: -30 };
  const point = { x: 333, y: 222 };
  const before = toPhoto(view, point);
  const after = toPhoto(zoomAt(view, 1.7, point, 0.1), point);
  assert.ok(Math.hypot(before.x - after.x, before.y - after.y) < 1e-9);
  assert.equal(zoomAt(view, 1e6, point, 0.1).scale, MAX_SCALE);
  assert.equal(zoomAt(view, 1e-6, point, 0.1).scale, 0.1);
});

test("a photo cannot be lost outside the window", () => {
  const photo = { width: 1000, height: 800 };
  const room = { width: 700, height: 600 };
  for (const offset of [-1e6, -500, 0, 500, 1e6]) {
    const view = keepInside({ scale: 2, x: offset, y: offset }, photo, room);
    assert.ok(view.x < room.width * 0.5 && view.x + 2000 > room.width * 0.5);
    assert.ok(view.y < room.height * 0.5 && view.y + 1600 > room.height * 0.5);
  }
  assert.equal(keepInside({ scale: 0.1, x: 999, y: 0 }, photo, room).x, 300);
});

test("two fingers zoom about the point between them", () => {
  const view = { scale: 1, x: 0, y: 0 };
  const zoomed = pinch(view, [{ x: 100, y: 100 }, { x: 200, y: 100 }], [{ x: 50, y: 100 }, { x: 250, y: 100 }], 0.1);
  assert.equal(zoomed.scale, 2);
  assert.deepEqual(toPhoto(zoomed, { x: 150, y: 100 }), { x: 150, y: 100 });
});

test("a turned and mirrored view takes every window point back to the pixel it came from", () => {
  const photo = { width: 640, height: 480 };
  const room = { width: 700, height: 500 };
  for (const angle of [0, 90, 180, -90, 37, -121]) {
    for (const flip of [false, true]) {
      const fitted = fit(photo, room, { angle, flip });
      const box = extent(fitted, { left: 0, top: 0, right: 640, bottom: 480 });
      assert.ok(box.left >= 9.99 && box.top >= 9.99 && box.right <= 690.01 && box.bottom <= 490.01);
      const view = keepInside(zoomAt(fitted, 3, { x: 100, y: 200 }, 0.1), photo, room);
      for (const [x, y] of [[0, 0], [639.5, 0.5], [123, 456]]) {
        const back = toPhoto(view, toWindow(view, { x, y }));
        assert.ok(Math.hypot(back.x - x, back.y - y) < 1e-9);
      }
      const turned = turnAt(view, { angle: angle + 45, flip: !flip }, { x: 350, y: 250 });
      const [before, after] = [view, turned].map((one) => toPhoto(one, { x: 350, y: 250 }));
      assert.ok(Math.hypot(before.x - after.x, before.y - after.y) < 1e-9);
    }
  }
});

test("a quarter turn clockwise takes the top of the photo to the right", () => {
  const view = { scale: 2, x: 100, y: 0, angle: 90, flip: false };
  assert.deepEqual(toWindow(view, { x: 10, y: 5 }), { x: 90, y: 20 });
  assert.deepEqual(toWindow({ ...view, flip: true }, { x: 10, y: 5 }), { x: 90, y: -20 });
});

test("a photo's own colours stay without an adjustment, and each adjustment is what it says", () => {
  const pixels = () => Uint8ClampedArray.from([200, 100, 50, 255, 0, 255, 128, 255]);
  assert.deepEqual(adjust(pixels(), PLAIN), pixels());
  assert.deepEqual([...adjust(pixels(), { ...PLAIN, channel: "green" })], [100, 100, 100, 255, 255, 255, 255, 255]);
  assert.deepEqual([...adjust(pixels(), { ...PLAIN, channel: "red-free" })], [0, 100, 50, 255, 0, 255, 128, 255]);
  const [plain, light, hard, soft] = [PLAIN, { ...PLAIN, brightness: 40 }, { ...PLAIN, contrast: 40 }, { ...PLAIN, gamma: 40 }].map(tableOf);
  assert.ok(light[100] > plain[100] && hard[60] < plain[60] && hard[200] > plain[200] && soft[60] > plain[60]);
  assert.deepEqual([soft[0], soft[255]], [0, 255]);
  assert.deepEqual([angleOf(270), angleOf(-180), angleOf(540), angleOf(0)], [-90, 180, 180, 0]);
});

test("the part of a large file in sight is asked for once its pixels are larger than the working ones", () => {
  const photo = { width: 2048, height: 1024, fullWidth: 8192, fullHeight: 4096 };
  const room = { width: 800, height: 600 };
  assert.ok(!needsDetail(photo, { scale: 0.4 }, 1) && needsDetail(photo, { scale: 0.6 }, 2) && needsDetail(photo, { scale: 2 }, 1));
  assert.ok(!needsDetail({ ...photo, fullWidth: 2048 }, { scale: 9 }, 1));
  assert.deepEqual(partInSight(photo, { scale: 2, x: -1000, y: -400 }, room), { left: 2000, top: 800, right: 3600, bottom: 2000 });
  assert.deepEqual(partInSight(photo, { scale: 2, x: 0, y: 0, angle: 90, flip: false }, { width: 0, height: 600 }), null);
  assert.deepEqual(partInSight(photo, { scale: 2, x: 800, y: -400, angle: 90, flip: false }, room), { left: 800, top: 0, right: 2000, bottom: 1600 });
  assert.equal(mostScale(photo), 32);
  assert.equal(mostScale({ width: 2048, fullWidth: 20480 }), 80);
});

test("the photo beside shows the same part at the same enlargement", () => {
  const one = { photo: { width: 1000, height: 500 }, size: { width: 400, height: 300 } };
  const other = { photo: { width: 600, height: 800 }, size: { width: 380, height: 300 }, turn: { angle: 90, flip: false } };
  const fitted = fit(one.photo, one.size);
  const whole = linkView({ ...one, view: fitted, fitted }, other);
  for (const key of ["scale", "x", "y"]) assert.ok(Math.abs(whole[key] - fit(other.photo, other.size, other.turn)[key]) < 1e-9);
  const view = zoomAt(fitted, 3, { x: 50, y: 120 }, 0.1);
  const linked = linkView({ ...one, view, fitted }, other);
  assert.ok(Math.abs(linked.scale / whole.scale - 3) < 1e-9);
  const [here, there] = [toPhoto(view, { x: 200, y: 150 }), toPhoto(linked, { x: 190, y: 150 })];
  assert.ok(Math.abs(here.x / 1000 - there.x / 600) < 1e-9 && Math.abs(here.y / 500 - there.y / 800) < 1e-9);
});
