// Magic wand: a box, or strokes on lesion and skin, are sent to the server, and the mask it cuts comes back. Further strokes refine it; what is
// outlined elsewhere stays.

import { fromRuns } from "../masks/runs.mjs";
import { mergeFound } from "./wand_merge.mjs";

const PEN_WIDTH = 5; // window pixels, half

/** Whether a mask of run lengths is so small a share of its photo that nothing is to be written; wand.py decides by the same number. */
export function isSpeck(runs, leastShare) {
  const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
  return sum(runs.filter((_, i) => i % 2)) < leastShare * sum(runs);
}

/** The point below a hint, where a line about it stands. */
function under({ box, lesion, skin }) {
  const points = [...(box ? [[(box[0] + box[2]) / 2, box[3]]] : []), ...lesion.flat(), ...skin.flat()];
  if (!points.length) return null;
  const [x, y] = points.reduce((lowest, point) => (point[1] > lowest[1] ? point : lowest));
  return { x, y };
}

export function wandTool(desk, send) {
  let hint = nothing();
  let drawn = null; // what the pointer is drawing
  let request = 0;
  let waiting = null; // {photo, request} of the answer that is awaited
  let answered = false; // the last edit is an answer to this hint
  let putting = false;

  function nothing() {
    return { box: null, lesion: [], skin: [], radius: 1 };
  }
  const draw = () => {
    const box = drawn?.kind === "box" ? drawn.points : hint.box ? [{ x: hint.box[0], y: hint.box[1] }, { x: hint.box[2], y: hint.box[3] }] : null;
    const strokes = (kind) => [...hint[kind], ...(drawn?.kind === kind ? [drawn.points.map(({ x, y }) => [x, y])] : [])];
    const width = 2 * (hint.radius || 1);
    desk.sketch.show([
      ...(box ? [{ kind: "box", points: [box[0], box.at(-1)] }] : []),
      ...["lesion", "skin"].flatMap((kind) => strokes(kind).map((stroke) => ({ kind: "stroke", name: kind, width, points: stroke.map(([x, y]) => ({ x, y })) }))),
    ]);
  };
  const reset = () => {
    hint = nothing();
    drawn = null;
    answered = false;
    waiting = null;
    desk.busy(false);
    draw();
  };
  const ask = () => {
    const { name, width, height } = desk.photo();
    request++;
    waiting = { photo: name, request };
    desk.busy(true);
    send({ photo: name, request, width, height, ...hint });
  };

  return {
    start(point) {
      const kind = desk.wandKind();
      if (kind === "box" && (hint.box || hint.lesion.length)) reset(); // another box is another lesion
      if (!hint.box && !hint.lesion.length && !hint.skin.length) hint.radius = PEN_WIDTH / desk.view().scale;
      drawn = { kind, points: [desk.toPhoto(point)] };
      draw();
    },
    move(points) {
      if (!drawn) return;
      drawn.points.push(...points.map(desk.toPhoto));
      draw();
    },
    end() {
      if (!drawn) return;
      const { kind, points } = drawn;
      drawn = null;
      if (kind === "box") {
        const [one, other] = [points[0], points.at(-1)];
        const box = [Math.min(one.x, other.x), Math.min(one.y, other.y), Math.max(one.x, other.x), Math.max(one.y, other.y)];
        if ((box[2] - box[0]) * desk.view().scale < 4 || (box[3] - box[1]) * desk.view().scale < 4) {
          draw();
          desk.say("wand-small", { x: box[0], y: box[3] });
          return;
        }
        hint.box = box;
      } else {
        const rest = 2 / desk.view().scale;
        hint[kind].push(points.filter((point, i) => i === 0 || Math.hypot(point.x - points[i - 1].x, point.y - points[i - 1].y) > rest / 4).map(({ x, y }) => [x, y]));
      }
      draw();
      if (hint.box || hint.lesion.length) ask();
    },
    cancel() {
      drawn = null;
      draw();
    },
    hover() {},
    leave: reset,
    back: reset,
    redraw: draw,
    /** The server's answer: {photo, request} with {width, height, runs, region}, {nothing} or {problem}. A speck changes nothing, whoever sees that it is one. */
    answer(reply) {
      if (!waiting || reply?.request !== waiting.request || reply.photo !== waiting.photo) return;
      waiting = null;
      desk.busy(false);
      const found = reply.runs ? fromRuns(reply.runs, reply.width * reply.height) : null;
      if ((!found && !reply.nothing) || desk.photo()?.name !== reply.photo || desk.editor.busy) {
        desk.say("wand-failed", under(hint));
        return;
      }
      if (reply.nothing || isSpeck(reply.runs, desk.leastShare)) {
        desk.say("wand-nothing", under(hint));
        return;
      }
      putting = true;
      answered = desk.editor.put((mask, width, height) => mergeFound(mask, found, width, height, hint, reply.region), answered);
      putting = false;
    },
    /** Another edit was made: the next hint is a new one. */
    settled() {
      if (!putting && (hint.box || hint.lesion.length || hint.skin.length)) reset();
    },
  };
}
