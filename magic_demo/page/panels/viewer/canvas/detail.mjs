// The part of a large photo that is in sight, at the resolution of its file: asked for once the view rests, and drawn over the working picture.

import { fetchPart } from "./photo_part.mjs";
import { toPhoto } from "./view.mjs";

const REST = 150; // milliseconds without a move
const ROOM = 0.15; // of what is in sight, asked for beyond it on each side

/** photo(), view(), size(), ratio(), openId(): what is shown, and where. arrived(photo): its detail has come. */
export function followDetail({ photo, view, size, ratio, openId, arrived }) {
  let timer = 0;
  let asked = null; // {one, part} under way
  let refused = null; // the part that did not come

  /** The view has changed, or may have. */
  function follow() {
    clearTimeout(timer);
    timer = setTimeout(ask, REST);
  }

  async function ask() {
    const [one, now] = [photo(), view()];
    if (!one || !now || asked) return;
    const seen = partInSight(one, now, size());
    if (!seen || !needsDetail(one, now, ratio()) || (one.detail && holds(one.detail.part, seen))) return;
    const part = widen(seen, one);
    if (refused && refused.one === one && same(refused.part, part)) return;
    asked = { one, part };
    try {
      const bitmap = await createImageBitmap(await fetchPart(openId(), one.name, part), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
      const scale = one.width / one.fullWidth;
      one.detail = { bitmap, part, readable: one.readable, left: part.left * scale, top: part.top * scale, width: (part.right - part.left) * scale, height: (part.bottom - part.top) * scale };
      arrived(one);
    } catch {
      refused = { one, part }; // the working picture stays
    }
    asked = null;
    follow(); // the view may have gone on meanwhile
  }

  return { follow };
}

/** Whether the file has more to show than the working picture at this zoom. */
export function needsDetail({ width, fullWidth }, { scale }, ratio) {
  return fullWidth > width && scale * ratio > 1;
}

/** The rectangle of the file's pixels that is in sight, whole numbers; null where none is. */
export function partInSight({ width, height, fullWidth, fullHeight }, view, room) {
  const corners = [[0, 0], [room.width, 0], [0, room.height], [room.width, room.height]].map(([x, y]) => toPhoto(view, { x, y }));
  const along = (values, working, full) => {
    const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => (Math.min(working, Math.max(0, value)) * full) / working);
    return [Math.floor(least), Math.ceil(most)];
  };
  const [left, right] = along(corners.map(({ x }) => x), width, fullWidth);
  const [top, bottom] = along(corners.map(({ y }) => y), height, fullHeight);
  return left < right && top < bottom ? { left, top, right, bottom } : null;
}

function widen({ left, top, right, bottom }, { fullWidth, fullHeight }) {
  const [across, down] = [Math.ceil((right - left) * ROOM), Math.ceil((bottom - top) * ROOM)];
  return { left: Math.max(0, left - across), top: Math.max(0, top - down), right: Math.min(fullWidth, right + across), bottom: Math.min(fullHeight, bottom + down) };
}

const FINE = 4096; // a part whose sides are longer comes smaller, see photo_parts.py

// Whether a part shows another one as finely as the file has it.
function holds(part, seen) {
  const inside = part.left <= seen.left && part.top <= seen.top && part.right >= seen.right && part.bottom >= seen.bottom;
  const side = ({ left, top, right, bottom }) => Math.max(right - left, bottom - top);
  return inside && (side(part) <= FINE || side(part) < 2 * side(seen));
}

const same = (one, other) => ["left", "top", "right", "bottom"].every((side) => one[side] === other[side]);
