// One frame of the viewer: the photo, the shading or heat over it, the outlines on top; two halves of it when layers are compared.

const RIM = "rgba(12, 12, 12, 0.85)"; // so that an outline shows on any skin

/**
 * Draw everything. halves: [{from, to, layers}] parts of the window's width in 0..1, each with its own layers
 * [{fill, heat, outline, look}], of which each may be null.
 */
export function drawView(context, { photo, view, ratio, halves, opacity }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (!photo) return;
  for (const half of halves) {
    context.save();
    if (halves.length > 1) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      const from = Math.round(half.from * context.canvas.width);
      clipTo(context, from, 0, Math.round(half.to * context.canvas.width) - from, context.canvas.height);
    }
    drawHalf(context, { photo, view, ratio, opacity, layers: half.layers });
    context.restore();
  }
}

/** Draw again what lies in a rectangle of photo pixels; `lines` widens it by what an outline may stick out. */
export function drawPart(context, { photo, view, ratio, layers, opacity, rect }) {
  const scale = view.scale * ratio;
  const room = 4 * ratio;
  const left = Math.floor(view.x * ratio + rect.left * scale - room);
  const top = Math.floor(view.y * ratio + rect.top * scale - room);
  const right = Math.ceil(view.x * ratio + rect.right * scale + room);
  const bottom = Math.ceil(view.y * ratio + rect.bottom * scale + room);
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  clipTo(context, left, top, right - left, bottom - top);
  context.clearRect(left, top, right - left, bottom - top);
  drawHalf(context, { photo, view, ratio, opacity, layers });
  context.restore();
}

function clipTo(context, left, top, width, height) {
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
}

function drawHalf(context, { photo, view, ratio, opacity, layers }) {
  context.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
  context.imageSmoothingEnabled = view.scale * ratio < 6; // far in, a reader wants to see the pixels
  context.imageSmoothingQuality = "high";
  context.drawImage(photo.bitmap, 0, 0, photo.width, photo.height);
  for (const cover of photo.covers ?? []) drawCover(context, cover);
  for (const { fill, heat, alpha } of layers) {
    context.globalAlpha = alpha ?? (heat ? Math.min(1, opacity * 1.6) : opacity); // a heat map says less at the same opacity than a flat shade
    if (heat ?? fill) context.drawImage(heat ?? fill, 0, 0);
  }
  context.globalAlpha = 1;
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
function drawOutline(context, path, look, pixel) {
  context.lineJoin = "round";
  context.lineCap = look.dash.length ? "butt" : "round";
  context.setLineDash(look.dash.map((length) => length * pixel));
  context.strokeStyle = RIM;
  context.lineWidth = 4 * pixel;
  context.stroke(path);
  context.strokeStyle = look.line;
  context.lineWidth = 2 * pixel;
  context.stroke(path);
  context.setLineDash([]);
}
