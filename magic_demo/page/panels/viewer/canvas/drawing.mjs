// One frame of the viewer: the photo, the shading or heat over it, the outlines on top; two halves of it when layers are compared.

import { extent, matrixOf } from "./view.mjs";

const HEAT = 3.2; // how much more opaque a heat map is than a flat shade, which says as much with less: at a tenth the colours of the skin stay true
const RIM = "rgba(12, 12, 12, 0.85)"; // so that an outline shows on any skin
export const OUTLINE = 4; // window pixels that a rim is wide, and more than it sticks out

/**
 * Draw everything. halves: [{from, to, layers}] parts of the window's width in 0..1, each with its own layers
 * [{fill, heat, outline, look}], of which each may be null.
 */
export function drawView(context, { photo, view, ratio, halves, opacity }) {
  const { width, height } = context.canvas;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!photo) return;
  for (const { from, to, layers } of halves) {
    context.save();
    if (halves.length > 1) clipTo(context, { left: columnAt(width, from), top: 0, right: columnAt(width, to), bottom: height });
    drawUnder(context, { photo, view, ratio, opacity, layers });
    drawOutlines(context, view, layers);
    context.restore();
  }
}

/**
 * What stays as it is in a half of the window while a stroke is drawn, made once a stroke: the half, with `below` and `above`, pictures of the
 * window without the reader's own layer: what lies under its fill, and what between fill and outline. Photo and shadings are brought to the
 * window's size only here. `own`: that layer where it is shown.
 */
export function drawStill({ canvas }, { photo, view, ratio, half, opacity }) {
  const [below, above] = [0, 1].map(() => new OffscreenCanvas(canvas.width, canvas.height));
  const others = half.layers.filter((layer) => !layer.own);
  drawUnder(below.getContext("2d"), { photo, view, ratio, opacity, layers: others });
  const context = above.getContext("2d");
  placePhoto(context, view, ratio);
  drawOutlines(context, view, others);
  return { ...half, below, above, own: half.layers.find((layer) => layer.own) ?? null };
}

/**
 * Draw again what lies in a rectangle of photo pixels while a stroke is drawn. still: what drawStill gave. fill(), outline(): of the reader's
 * own layer inside `around`, which is larger than `rect` by what an outline sticks out; the fill's left top corner is that of `around`.
 */
export function drawStroke(context, { still, view, ratio, opacity, rect, around, fill, outline }) {
  const { width, height } = context.canvas;
  const part = reach(view, ratio, rect);
  part.left = Math.max(part.left, columnAt(width, still.from));
  part.right = Math.min(part.right, columnAt(width, still.to));
  part.top = Math.max(part.top, 0);
  part.bottom = Math.min(part.bottom, height);
  const [wide, high] = [part.right - part.left, part.bottom - part.top];
  if (wide <= 0 || high <= 0) return;
  const lay = (picture) => {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(picture, part.left, part.top, wide, high, part.left, part.top, wide, high);
  };
  context.save();
  clipTo(context, part);
  context.clearRect(part.left, part.top, wide, high);
  lay(still.below);
  if (still.own?.fill) {
    const [across, down] = [around.right - around.left, around.bottom - around.top];
    placePhoto(context, view, ratio);
    context.globalAlpha = opacity;
    context.drawImage(fill(), 0, 0, across, down, around.left, around.top, across, down);
    context.globalAlpha = 1;
  }
  lay(still.above);
  placePhoto(context, view, ratio);
  if (still.own?.outline) drawOutline(context, outline(), still.own.look, 1 / view.scale);
  context.restore();
}

const columnAt = (width, share) => Math.round(share * width);

// The window pixels of a rectangle of photo pixels, with what an outline sticks out.
function reach(view, ratio, rect) {
  const { left, top, right, bottom } = extent(view, rect);
  return {
    left: Math.floor((left - OUTLINE) * ratio),
    top: Math.floor((top - OUTLINE) * ratio),
    right: Math.ceil((right + OUTLINE) * ratio),
    bottom: Math.ceil((bottom + OUTLINE) * ratio),
  };
}

function clipTo(context, { left, top, right, bottom }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
}

function placePhoto(context, view, ratio) {
  context.setTransform(...matrixOf(view).map((one) => one * ratio));
  context.imageSmoothingEnabled = view.scale * ratio < 6; // far in, a reader wants to see the pixels
  context.imageSmoothingQuality = "high";
}

// The photo with everything that lies over it but the outlines.
function drawUnder(context, { photo, view, ratio, opacity, layers }) {
  placePhoto(context, view, ratio);
  context.drawImage(photo.shown ?? photo.bitmap, 0, 0, photo.width, photo.height);
  const { detail } = photo;
  if (detail) context.drawImage(detail.shown ?? detail.bitmap, detail.left, detail.top, detail.width, detail.height);
  for (const cover of photo.covers ?? []) drawCover(context, cover);
  for (const { fill, heat, alpha } of layers) {
    context.globalAlpha = alpha ?? (heat ? Math.min(1, opacity * HEAT) : opacity);
    if (heat ?? fill) context.drawImage(heat ?? fill, 0, 0);
  }
  context.globalAlpha = 1;
}

function drawOutlines(context, view, layers) {
  for (const { outline, look } of layers) if (outline) drawOutline(context, outline, look, 1 / view.scale);
}

// What is to be covered is hidden from now on, whatever else is shown.
function drawCover(context, { path, blocks, side, left, top }) {
  context.save();
  context.clip(path);
  context.imageSmoothingEnabled = false;
  context.drawImage(blocks, left, top, blocks.width * side, blocks.height * side);
  context.restore();
}

// Widths and dashes are given in window pixels, whatever the zoom.
export function drawOutline(context, path, look, pixel) {
  context.lineJoin = "round";
  context.lineCap = look.dash.length ? "butt" : "round";
  context.setLineDash(look.dash.map((length) => length * pixel));
  context.strokeStyle = RIM;
  context.lineWidth = OUTLINE * pixel;
  context.stroke(path);
  context.strokeStyle = look.line;
  context.lineWidth = 2 * pixel;
  context.stroke(path);
  context.setLineDash([]);
}
