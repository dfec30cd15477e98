// Which layers are drawn, and how: the model's, the reader's own, other readers'. No DOM in here: node tests it.

import { lookOf, MODEL, MODEL_BESIDE, OWN } from "./layer_looks.mjs";

/**
 * Layers from the bottom up, for drawView.
 * which: "all" (those that `shown` lets through), "photo" (none), or one name: "model", "own", "reader-0", ...
 * sources: {model, own, others, labels}: what there is, each with fill, heat() and outline(step), or null; of a study with several labels own is that of
 * `label` {id, look}, and labels are the others' [{name, look, layer}]. mode: outline, both, fill, heat, none;
 * fill and heat tint the photo, the outline leaves its colours alone.
 */
export function layersOf(sources, { which, shown, mode, step }) {
  if (which === "photo" || mode === "none") return [];
  const wanted = (name) => (which === "all" ? shown(name) : which === name);
  const filled = mode === "both" || mode === "fill";
  const outlined = mode === "both" || mode === "outline";
  const layers = [];
  const { id = "", look = OWN } = sources.label ?? {};
  const labels = (sources.labels ?? []).filter(({ name }) => wanted(name));
  const own = sources.own && wanted(nameOfLayer(id)) ? sources.own : null;
  const beside = own && mode === "fill" && (sources.model || sources.others.length > 0 || labels.length > 0); // each layer has the line that the legend names
  if (sources.model && wanted("model")) {
    layers.push({
      fill: filled && !own && !id ? sources.model.fill : null, // it knows the first label alone
      heat: mode === "heat" ? sources.model.heat() : null,
      outline: outlined || beside ? sources.model.outline(step) : null,
      look: own || id ? MODEL_BESIDE : MODEL,
    });
  }
  for (const { layer, look } of labels) layers.push({ fill: null, heat: null, outline: layer.outline(step), look });
  sources.others.forEach((other, place) => {
    const number = other.number ?? place;
    if (wanted(`reader-${number}`)) layers.push({ fill: null, heat: null, outline: other.outline(step), look: lookOf(number) });
  });
  if (own) layers.push({ fill: filled ? own.fill : null, heat: null, outline: outlined || beside || mode === "heat" ? own.outline(step) : null, look, own: true });
  return layers;
}

/** The name of a label's layer in the legend. */
export function nameOfLayer(id) {
  return id ? `label-${id}` : "own";
}
