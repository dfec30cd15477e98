// Draws the photo with what lies over it, at most once a frame, and while a stroke is drawn only its surroundings.

import { drawStill, drawStroke, drawView, OUTLINE } from "./drawing.mjs";
import { layersOf } from "./scene.mjs";
import { levelOf } from "../masks/levels.mjs";
import { union } from "../masks/runs.mjs";
import { withHeat } from "../beside/why_heat.mjs";

const SHADES = ["both", "fill"];

/**
 * Returns {redraw(), part(rect): what a stroke has changed, in photo pixels, drawNow(), stepAt(view), layersBeside(photo, view)}.
 * parts: {state, photo, room, ratio, fitted, editor, sources(photo): see scene.mjs, compare, legend, heatOf}, looked up when something is drawn;
 * after(photo): told whenever a photo was drawn whole.
 */
export function openPainter(root, canvas, parts, after) {
  const context = canvas.getContext("2d");
  const { state, ratio } = parts;
  let frame = 0;
  let dirty = null; // what a stroke has changed since the last frame, in photo pixels
  let still = null; // while a stroke is drawn: what it does not change

  /** What cannot be told apart at this zoom, in photo pixels. */
  const stepAt = (view) => 0.6 / 2 ** Math.ceil(Math.log2(view.scale * ratio()));

  /** A photo as it is drawn: in its own colours while everything that lies over it is hidden. */
  const asShown = (one) => (state.hidden ? { ...one, shown: null, detail: one.detail && { ...one.detail, shown: null } } : one);

  function halves(stroke = null) {
    const one = parts.photo();
    const step = stepAt(state.view);
    one.model?.setLevel(levelOf(state.threshold));
    const sources = { ...parts.sources(one), ...(stroke && { own: stroke }) };
    const mode = state.printing && SHADES.includes(state.mode) ? "outline" : state.mode; // paper has no key that takes a shade away
    return parts.compare().halves().map(({ from, to, which }) => ({
      from,
      to,
      layers: state.hidden
        ? []
        : withHeat(layersOf(sources, { which, shown: parts.legend().shown, mode, step }), which === "photo" ? null : parts.heatOf()(one)),
    }));
  }

  /** The layers of a photo that is looked at beside the one worked on. */
  function layersBeside(one, view) {
    if (state.hidden) return [];
    one.model?.setLevel(levelOf(state.threshold));
    return layersOf(parts.sources(one), { which: "all", shown: parts.legend().shown, mode: state.mode, step: stepAt(view) });
  }

  function redraw() {
    dirty = "all";
    schedule();
  }

  function part(rect) {
    if (dirty !== "all") dirty = union(dirty, rect);
    schedule();
  }

  function schedule() {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      if (dirty && dirty !== "all" && parts.editor().busy) drawChange(dirty);
      else drawNow();
      dirty = null;
    });
  }

  // While a stroke is drawn only its surroundings are, with fill and outline made anew there; the rest of the canvas stays.
  function drawChange(rect) {
    const one = parts.photo();
    const own = parts.editor().layerOf(one);
    const { view, opacity } = state;
    const common = { view, ratio: ratio(), opacity };
    // whether its layer is shown is enough
    still ??= halves({ fill: true, outline: () => true }).map((half) => drawStill(context, { ...common, photo: asShown(one), half }));
    const margin = Math.ceil((2 * OUTLINE) / view.scale) + 1; // what is drawn again reaches a little beyond what changed
    const around = {
      left: Math.max(0, rect.left - margin),
      top: Math.max(0, rect.top - margin),
      right: Math.min(one.width, rect.right + margin),
      bottom: Math.min(one.height, rect.bottom + margin),
    };
    const fill = once(() => own.fillInside(around));
    const outline = once(() => own.outlineInside(around, stepAt(view)));
    for (const half of still) drawStroke(context, { ...common, still: half, rect, around, fill, outline });
  }

  function drawNow() {
    still = null;
    const { width, height } = parts.room();
    if (canvas.width !== Math.round(width * ratio()) || canvas.height !== Math.round(height * ratio())) {
      canvas.width = Math.round(width * ratio());
      canvas.height = Math.round(height * ratio());
    }
    const one = parts.photo();
    if (one && !state.view) state.view = parts.fitted();
    const drawn = one ? halves() : [];
    drawView(context, { photo: one && asShown(one), view: state.view, ratio: ratio(), halves: drawn, opacity: state.opacity });
    root.toggleAttribute("data-tinted", drawn.some(({ layers }) => layers.some((layer) => layer.fill || layer.heat)));
    after(one);
  }

  return { redraw, part, drawNow, stepAt, layersBeside };
}

function once(make) {
  let made = null;
  return () => (made ??= make());
}
