// One photo of the case as it comes from the server, made ready to draw. What has not changed since the value before is kept.

import { lookOf } from "./layer_looks.mjs";
import { levelsFromRgba } from "../masks/levels.mjs";
import { MaskLayer } from "../masks/mask_layer.mjs";
import { splitKey } from "../masks/outline_names.mjs";
import { ModelLayer } from "../masks/model_layer.mjs";
import { readsBack } from "./readback.mjs";
import { fromRuns } from "../masks/runs.mjs";

/**
 * {id, name, width, height, src, bitmap, readable, model: ModelLayer | null, others: [{reader, number, label, outline(step)}]}
 * readable: whether pixels can be read back here; where not, `model` and the numbers, `served`, come from the server.
 */
export async function openPhoto(one, before, others) {
  const opened = before && before.src === one.src ? before : { ...one, bitmap: await decode(one.src), readable: readsBack(Number(one.id)), served: null, model: null, levelsSrc: null };
  await openLevels(opened, one.levels);
  opened.others = others.flatMap(({ reader, masks }, number) =>
    Object.entries(masks).flatMap(([name, saved]) => {
      const { label, photo } = splitKey(name);
      if (photo !== one.name || saved.width !== one.width || saved.height !== one.height) return [];
      const mask = fromRuns(saved.runs, one.width * one.height);
      return mask ? [{ ...lazily(reader, mask, one, number), number, label }] : [];
    }),
  );
  return opened;
}

/** Give a photo the model's map of a data address, or none; a map that another one overtook is dropped. */
export async function openLevels(one, address) {
  if (address === one.levelsSrc) return;
  one.levelsSrc = address;
  if (!one.readable) {
    if (!address) one.model = null;
    return;
  }
  const model = address ? new ModelLayer(await readLevels(address, one.width, one.height), one.width, one.height) : null;
  if (one.levelsSrc === address) one.model = model;
}

/** Take what the server says of a photo that cannot be read back here: {runs | null, share, count, colour, tone}. */
export function takeServed(one, served) {
  const mask = served.runs && fromRuns(served.runs, one.width * one.height);
  one.served = served.share === undefined ? null : served;
  one.model = mask ? new ModelLayer(mask.map((inside) => 255 * inside), one.width, one.height) : null; // the same at every threshold
}

function lazily(reader, mask, { width, height }, number) {
  let layer = null;
  return {
    reader,
    outline: (step) => {
      layer ??= new MaskLayer(mask, width, height, lookOf(number).rgb);
      return layer.outline(step);
    },
  };
}

/** Return a canvas of a heat map of the photo, from the data address of its levels. */
export async function openHeat({ width, height, readable }, address) {
  if (!readable) return null;
  return new ModelLayer(await readLevels(address, width, height), width, height).heat();
}

// Not by fetch: the page's content policy lets it connect to the server alone.
function decode(address) {
  const [, kind, data] = address.match(/^data:(image\/\w+);base64,(.*)$/s);
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: kind }), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

async function readLevels(address, width, height) {
  const bitmap = await decode(address);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true }); // in memory: a graphics card may round the levels
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return levelsFromRgba(context.getImageData(0, 0, width, height).data);
}
