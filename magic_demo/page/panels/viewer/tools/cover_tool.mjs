// Cover: draw around a face or a tattoo, and what lies inside becomes blocks; shown at once, undone until it is confirmed. Only then is the
// server told, which takes the pixels out of the photo itself and sends it anew.

import { journal } from "../../frame/keys/journal.mjs";
import { fillHoles } from "../masks/morphology.mjs";
import { toRuns } from "../masks/runs.mjs";
import { fillPolygon } from "../masks/shapes.mjs";

const BLOCKS = 6; // as in covered_photos.py
const LEAST = 4; // window pixels

export function coverTool(desk, send) {
  let drawn = null; // the loop being drawn
  let waiting = null; // what the server was told of and has not answered
  let request = 0;
  let asked = null; // the photo that it is about

  const areas = () => desk.photo()?.covers ?? [];
  const sketch = () => desk.sketch.show(drawn ? [{ kind: "line", points: drawn, dashed: true }] : []);
  const put = (photo, covers) => {
    photo.covers = covers;
    desk.coversTold(covers.length);
  };
  const change = (covers) => {
    const [photo, before] = [desk.photo(), areas()];
    put(photo, covers);
    const lay = (which) => () => {
      const shown = desk.reachWith(photo.name, "cover");
      if (!shown) return false;
      put(shown, which);
    };
    journal.push(desk.openId(), { undo: lay(before), redo: lay(covers), covers: photo.name });
  };
  journal.guard(() => waiting !== null || drawn !== null);

  return {
    start(point) {
      if (waiting) return;
      drawn = [desk.toPhoto(point)];
      sketch();
    },
    move(points) {
      if (!drawn) return;
      drawn.push(...points.map(desk.toPhoto));
      sketch();
    },
    end() {
      const loop = drawn;
      drawn = null;
      sketch();
      const cover = loop && coverOf(desk.photo(), loop);
      if (cover && Math.min(cover.width, cover.height) * desk.view().scale >= LEAST) change([...areas(), cover]);
    },
    cancel() {
      drawn = null;
      sketch();
    },
    hover() {},
    leave() {
      this.cancel();
      if (!waiting && areas().length) change([]);
    },
    back() {
      if (!waiting && areas().length) change(areas().slice(0, -1));
    },
    redraw: sketch,
    count: () => areas().length,
    /** Another photo is shown, or the same one anew. */
    shown: () => desk.coversTold(areas().length, Boolean(waiting)),
    confirm() {
      const photo = desk.photo();
      if (waiting || !areas().length) return;
      waiting = { photo: photo.name, request: ++request };
      asked = photo;
      desk.coversTold(areas().length, true);
      send({ ...waiting, width: photo.width, height: photo.height, area: toRuns(maskOf(photo)) });
    },
    /** The server's answer: {photo, request, covered, proposed}. same(photo): whether it comes with the very picture that is shown, as of a spot of one colour. */
    answer(reply, same) {
      if (!waiting || reply?.request !== waiting.request || reply.photo !== waiting.photo) return;
      waiting = null;
      if (reply.covered && same(asked)) put(asked, []);
      asked = null; // whose pixels are gone
      if (reply.covered) journal.forget((step) => step.covers === reply.photo); // these pixels are gone
      desk.say(reply.proposed ? "cover-proposed" : reply.covered ? "cover-done" : "cover-failed");
      if (reply.proposed || reply.covered) document.dispatchEvent(new CustomEvent("magic-covered"));
      this.shown();
    },
  };
}

/** What is covered, a hole that a loop has left by crossing itself included. */
function maskOf({ width, height, covers }) {
  const mask = new Uint8Array(width * height);
  for (const { loop } of covers) fillPolygon(mask, width, height, loop, 1);
  return fillHoles(mask, width, height);
}

/** A loop with what is drawn over it: its window of the photo, one pixel a block. */
function coverOf(photo, loop) {
  const [xs, ys] = [loop.map(({ x }) => x), loop.map(({ y }) => y)];
  const left = Math.max(0, Math.floor(Math.min(...xs)));
  const top = Math.max(0, Math.floor(Math.min(...ys)));
  const width = Math.min(photo.width, Math.ceil(Math.max(...xs))) - left;
  const height = Math.min(photo.height, Math.ceil(Math.max(...ys))) - top;
  if (loop.length < 3 || width < 1 || height < 1) return null;
  const side = Math.ceil(Math.max(width, height) / BLOCKS);
  const blocks = new OffscreenCanvas(Math.ceil(width / side), Math.ceil(height / side));
  const context = blocks.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(photo.bitmap, left, top, width, height, 0, 0, width / side, height / side);
  const path = new Path2D();
  loop.forEach(({ x, y }, i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  return { loop, path, blocks, side, left, top, width, height };
}
