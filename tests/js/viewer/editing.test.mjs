import assert from "node:assert/strict";
import test from "node:test";

import { fillHoles, grow, shrink, smooth, step } from "../../../magic_demo/page/panels/viewer/masks/morphology.mjs";
import { OwnMask } from "../../../magic_demo/page/panels/viewer/masks/own_mask.mjs";
import { bounds, difference, fromRuns, toRuns, turnOver, union } from "../../../magic_demo/page/panels/viewer/masks/runs.mjs";
import { fillPolygon, stampStroke } from "../../../magic_demo/page/panels/viewer/masks/shapes.mjs";
import { Editor } from "../../../magic_demo/page/panels/viewer/tools/editor.mjs";

function rows(text) {
  return Uint8Array.from(text.replace(/\s/g, ""), (one) => (one === "#" ? 1 : 0));
}

function random(length, seed, share = 0.5) {
  return Uint8Array.from({ length }, () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648 < share ? 1 : 0;
  });
}

function distance(p, a, b) {
  const along = ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / ((b.x - a.x) ** 2 + (b.y - a.y) ** 2 || 1);
  const t = Math.max(0, Math.min(1, along));
  return Math.hypot(p.x - a.x - t * (b.x - a.x), p.y - a.y - t * (b.y - a.y));
}

test("a mask is the same after its run lengths, and the first run is outside", () => {
  assert.deepEqual(toRuns(rows(".##. ....")), [1, 2, 5]);
  assert.deepEqual(toRuns(rows("#.")), [0, 1, 1]);
  for (let seed = 1; seed < 20; seed++) {
    const mask = random(200, seed);
    assert.deepEqual(fromRuns(toRuns(mask), 200), mask);
  }
});

test("run lengths that do not fit are refused", () => {
  for (const runs of [[3], [9], [-1, 9], [4, NaN, 4], [8, 1]]) assert.equal(fromRuns(runs, 8), null);
});

test("a difference turns one mask into the other and back", () => {
  const rect = { left: 2, top: 1, right: 9, bottom: 6 };
  const before = random(80, 3);
  const after = before.slice();
  for (let y = rect.top; y < rect.bottom; y++) for (let x = rect.left; x < rect.right; x++) after[y * 10 + x] = (x * 7 + y * 3) % 5 ? 0 : 1;
  const runs = difference(before, after, 10, rect);
  const mask = before.slice();
  turnOver(mask, 10, rect, runs);
  assert.deepEqual(mask, after);
  turnOver(mask, 10, rect, runs);
  assert.deepEqual(mask, before);
});

test("bounds hold the mask and no more", () => {
  assert.deepEqual(bounds(rows(".... ..#. .#.. ...."), 4, 4), { left: 1, top: 1, right: 3, bottom: 3 });
  assert.equal(bounds(new Uint8Array(9), 3, 3), null);
});

test("a stroke covers the pixels whose middle is within its radius, at any angle and beyond the edges", () => {
  for (const [from, to, radius] of [
    [{ x: 10, y: 12 }, { x: 10, y: 12 }, 4.3],
    [{ x: 5.2, y: 30.1 }, { x: 33.7, y: 8.4 }, 3.1],
    [{ x: -6, y: 20 }, { x: 50, y: 22 }, 5],
    [{ x: 20, y: -3 }, { x: 20, y: 44 }, 2.5],
    [{ x: 3, y: 3 }, { x: 4, y: 3.2 }, 0.8],
  ]) {
    const mask = new Uint8Array(40 * 40);
    const rect = stampStroke(mask, 40, 40, from, to, radius, 1);
    for (let y = 0; y < 40; y++) {
      for (let x = 0; x < 40; x++) {
        const far = distance({ x: x + 0.5, y: y + 0.5 }, from, to);
        if (Math.abs(far - radius) < 1e-6) continue;
        assert.equal(mask[y * 40 + x], far < radius ? 1 : 0, `${x} ${y}`);
        if (mask[y * 40 + x]) assert.ok(x >= rect.left && x < rect.right && y >= rect.top && y < rect.bottom);
      }
    }
  }
  assert.equal(stampStroke(new Uint8Array(100), 10, 10, { x: -50, y: 5 }, { x: -40, y: 5 }, 3, 1), null);
});

test("the eraser takes away what the brush has painted", () => {
  const mask = new Uint8Array(900);
  stampStroke(mask, 30, 30, { x: 5, y: 5 }, { x: 25, y: 20 }, 4, 1);
  assert.ok(mask.includes(1));
  stampStroke(mask, 30, 30, { x: 5, y: 5 }, { x: 25, y: 20 }, 4, 0);
  assert.ok(!mask.includes(1));
});

test("a polygon has its area, wherever it lies, and a bow tie has no middle", () => {
  const mask = new Uint8Array(60 * 50);
  fillPolygon(mask, 60, 50, [{ x: 10, y: 5 }, { x: 50, y: 12 }, { x: 30, y: 45 }], 1);
  const area = mask.reduce((sum, one) => sum + one, 0);
  assert.ok(Math.abs(area - 730) < 12, `area ${area}`); // |(40*40 - 7*20)| / 2
  const outside = new Uint8Array(60 * 50);
  fillPolygon(outside, 60, 50, [{ x: -30, y: -30 }, { x: 200, y: -30 }, { x: 200, y: 200 }, { x: -30, y: 200 }], 1);
  assert.ok(!outside.includes(0));
  assert.equal(fillPolygon(mask, 60, 50, [{ x: 1, y: 1 }, { x: 9, y: 9 }], 1), null);
  const tie = new Uint8Array(400);
  fillPolygon(tie, 20, 20, [{ x: 0, y: 0 }, { x: 20, y: 20 }, { x: 20, y: 0 }, { x: 0, y: 20 }], 1);
  assert.equal(tie[2 * 20 + 10], 0);
  assert.equal(tie[10 * 20 + 2], 1);
});

test("grow and shrink go by a disc, and the lesion goes on beyond the photo", () => {
  const size = 31;
  for (const radius of [1, 3, 5]) {
    for (const mask of [random(size * size, 7, 0.01), random(size * size, 8, 0.97), random(size * size, 9, 0.5)]) {
      const near = (x, y, value) => {
        for (let dy = -radius; dy <= radius; dy++) {
          for (let dx = -radius; dx <= radius; dx++) {
            const [to, across] = [y + dy, x + dx];
            if (dx * dx + dy * dy <= radius * radius && to >= 0 && across >= 0 && to < size && across < size && mask[to * size + across] === value) return true;
          }
        }
        return false;
      };
      const grown = grow(mask, size, size, radius);
      const shrunk = shrink(mask, size, size, radius);
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          assert.equal(grown[y * size + x], near(x, y, 1) ? 1 : 0);
          assert.equal(shrunk[y * size + x], near(x, y, 0) ? 0 : 1);
        }
      }
    }
  }
});

test("holes are filled, bays are not", () => {
  const mask = rows("....... .#####. .#...#. .#.#.#. .#...#. .#####. ....###");
  assert.deepEqual(fillHoles(mask, 7, 7), rows("....... .#####. .#####. .#####. .#####. .#####. ....###"));
  const bay = rows("##### #...# #...# #.### #.###");
  assert.deepEqual(fillHoles(bay, 5, 5), bay);
  const edge = rows("#.# #.# ###");
  assert.deepEqual(fillHoles(edge, 3, 3), edge);
  assert.deepEqual(fillHoles(new Uint8Array(9), 3, 3), new Uint8Array(9));
});

test("smoothing takes spikes and notches away and leaves the rest", () => {
  const [width, height] = [80, 60];
  const mask = new Uint8Array(width * height);
  fillPolygon(mask, width, height, [{ x: 15, y: 15 }, { x: 65, y: 15 }, { x: 65, y: 45 }, { x: 15, y: 45 }], 1);
  const plain = mask.slice();
  for (let y = 5; y < 15; y++) mask[y * width + 40] = 1;
  for (let y = 15; y < 22; y++) mask[y * width + 30] = 0;
  mask[3 * width + 3] = 1;
  const calm = smooth(mask, width, height, 2);
  assert.equal(calm[8 * width + 40], 0);
  assert.equal(calm[18 * width + 30], 1);
  assert.equal(calm[3 * width + 3], 0);
  const changed = calm.reduce((sum, one, i) => sum + (one !== plain[i]), 0);
  assert.ok(changed < 30, `${changed} pixels`);
  assert.deepEqual(smooth(new Uint8Array(100).fill(1), 10, 10, 2), new Uint8Array(100).fill(1));
});

test("the step of grow, shrink and smooth follows the photo's size", () => {
  assert.deepEqual([[300, 200], [2048, 1536], [100, 40]].map(([w, h]) => step(w, h)), [1, 4, 1]);
});

test("everything that was done is undone and redone, a hundred edits deep, by differences alone", () => {
  const own = new OwnMask(60, 40);
  const states = [own.toRuns()];
  const patches = [];
  for (let i = 0; i < 100; i++) {
    own.touch(stampStroke(own.data, 60, 40, { x: (i * 17) % 60, y: (i * 7) % 40 }, { x: (i * 23) % 60, y: (i * 5) % 40 }, 1 + (i % 4), i % 3 ? 1 : 0));
    const patch = own.commit();
    if (!patch) continue;
    patches.push(patch);
    states.push(own.toRuns());
  }
  assert.ok(patches.length > 90 && patches.every((patch) => patch.runs.length < 400));
  for (let i = patches.length - 1; i >= 0; i--) {
    own.turn(patches[i]);
    assert.deepEqual(own.toRuns(), states[i]);
  }
  assert.deepEqual([own.exists, own.area], [false, 0]);
  patches.forEach((patch, i) => {
    own.turn(patch);
    assert.deepEqual(own.toRuns(), states[i + 1]);
    assert.equal(own.area, own.data.reduce((sum, one) => sum + one, 0));
  });
});

test("an edit that changes nothing is none", () => {
  const own = new OwnMask(10, 10, [0, 50, 50]);
  assert.equal(own.area, 50);
  assert.ok(own.replace(new Uint8Array(100).fill(1)));
  assert.equal(own.replace(new Uint8Array(100).fill(1)), null);
});

test("an empty mask is an answer where it was decided, and saying so can be undone", () => {
  const own = new OwnMask(4, 4);
  assert.equal(own.toRuns(), null);
  const patch = own.replace(new Uint8Array(16), true);
  assert.deepEqual(own.toRuns(), [16]);
  own.turn(patch);
  assert.equal(own.toRuns(), null);
});

test("an edit that leaves no pixel takes the outline back, and never says that there is no lesion", () => {
  const own = new OwnMask(4, 4, [0, 2, 14]);
  const patch = own.replace(new Uint8Array(16));
  assert.deepEqual([own.toRuns(), own.exists, own.edits], [null, false, 1]);
  own.turn(patch);
  assert.deepEqual(own.toRuns(), [0, 2, 14]);
  const bare = new OwnMask(4, 4);
  assert.equal(bare.replace(new Uint8Array(16)), null);
  assert.deepEqual([bare.toRuns(), bare.edits], [null, 0]);
});

test("a photo that was cleared stays so until something is drawn; what is rubbed out then is no decision", () => {
  const own = new OwnMask(4, 4);
  own.replace(new Uint8Array(16), true);
  assert.equal(own.replace(new Uint8Array(16)), null);
  assert.deepEqual(own.toRuns(), [16]);
  const drawn = own.replace(Uint8Array.from({ length: 16 }, (_, i) => (i < 3 ? 1 : 0)));
  const rubbed = own.replace(new Uint8Array(16));
  assert.equal(own.toRuns(), null);
  own.turn(rubbed);
  own.turn(drawn);
  assert.deepEqual(own.toRuns(), [16]);
});

test("a stroke that was given up leaves nothing", () => {
  const own = new OwnMask(20, 20, [100, 100, 200]);
  own.touch(stampStroke(own.data, 20, 20, { x: 3, y: 3 }, { x: 16, y: 3 }, 2, 1));
  own.drop();
  assert.deepEqual(own.toRuns(), [100, 100, 200]);
  assert.deepEqual(own.data, own.before);
});

test("a stroke whose case has gone meanwhile draws nothing on the next one", () => {
  const changes = [];
  const note = (...what) => changes.push(what);
  const photo = { name: "next", width: 8, height: 8 };
  const editor = new Editor({
    photo: () => photo, modelMask: () => null, journal: { push: note }, openId: () => "b", reach: note, part: note, redraw: note, changed: note, say: note,
  });
  editor.forget(); // the case in which the pen went down
  editor.write(() => ({ left: 1, top: 1, right: 3, bottom: 3 }));
  assert.equal(editor.commit({ asked: true }), false);
  editor.drop();
  assert.equal(editor.own(), null);
  assert.deepEqual(changes, []);
});

test("a rectangle around two holds both, whichever is first", () => {
  const [one, other] = [{ left: 1, top: 5, right: 3, bottom: 9 }, { left: 2, top: 4, right: 6, bottom: 7 }];
  const both = { left: 1, top: 4, right: 6, bottom: 9 };
  assert.deepEqual([union(one, other), union(other, one), union(null, one), union(one, null)], [both, both, one, one]);
});
