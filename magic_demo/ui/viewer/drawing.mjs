// One frame of the viewer: the photo, the shading or heat over it, the outline on top.

const OUTLINE = "rgb(255, 214, 10)";
const RIM = "rgba(12, 12, 12, 0.85)"; // so that the outline shows on any skin

export function drawView(context, { photo, view, ratio, layers, mode, opacity }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (!photo) return;
  context.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
  context.imageSmoothingEnabled = view.scale * ratio < 6; // far in, a reader wants to see the pixels
  context.imageSmoothingQuality = "high";
  context.drawImage(photo.bitmap, 0, 0, photo.width, photo.height);
  if (!layers) return;
  context.globalAlpha = opacity;
  if (mode === "fill" || mode === "both") context.drawImage(layers.fill, 0, 0);
  if (mode === "heat") {
    context.globalAlpha = Math.min(1, opacity * 1.6); // a heat map says less at the same opacity than a flat shade
    context.drawImage(layers.heat, 0, 0);
  }
  context.globalAlpha = 1;
  if (mode === "outline" || mode === "both") drawOutline(context, layers.outline, 1 / view.scale);
}

// Widths are given in window pixels, whatever the zoom.
function drawOutline(context, path, pixel) {
  context.lineJoin = "round";
  context.strokeStyle = RIM;
  context.lineWidth = 4 * pixel;
  context.stroke(path);
  context.strokeStyle = OUTLINE;
  context.lineWidth = 2 * pixel;
  context.stroke(path);
}
