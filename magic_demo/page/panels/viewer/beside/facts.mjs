// What is said of the mask beside the canvas: how many lesions, how much of the photo, which colour, how light the skin around.

import { areaShare } from "../masks/levels.mjs";
import { DEFINITIONS, measurePhoto } from "./measures.mjs";
import { longestDiameter } from "../masks/diameter.mjs";

const REST = 120; // milliseconds without a change before colours are measured

/** word(name): text in the language shown. drawing(): whether a stroke is being drawn, which measuring would hold up. */
export function openFacts(root, { word, drawing }) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  let timer = null;
  let hint = 0;
  let measured = {}; // whose mask of which photo the numbers that stand there are of

  /** own: the reader's mask, or null: then the model's at `level` is told of, where there is a model. further: it is of another label than the first, which no card asks about. scale: millimetres a pixel of the file, null where nobody has said. */
  function tell(one, { own, model = one.model, further = false, level, scale }) {
    clearTimeout(timer);
    find("size-mm").hidden = true;
    root.removeAttribute("data-measuring");
    if (measured.one !== one || measured.model !== model || measured.own !== Boolean(own) || measured.further !== further) forget();
    measured = { one, model, own: Boolean(own), further };
    find("name").textContent = find("name").title = one.name;
    root.dataset.mask = own || model ? "mask" : "plain";
    root.toggleAttribute("data-own", Boolean(own));
    root.toggleAttribute("data-further", further);
    if (!own && !model) {
      tellCards(null);
      return;
    }
    const share = one.served?.share ?? (own ? own.area / own.data.length : areaShare(model.counts, level));
    if (share === 0) {
      root.dataset.mask = own ? "cleared" : "nothing";
      tellCards(null);
    }
    find("area-value").textContent = share < 0.001 ? "<0.1%" : `${(share * 100).toFixed(1)}%`;
    if (share === 0) return;
    if (!one.readable) {
      if (one.served) show(one.served);
      else forget();
      return;
    }
    const measure = () => {
      if (drawing()) timer = setTimeout(measure, REST);
      else {
        const mask = { data: own ? own.data : model.mask(level), width: one.width, height: one.height };
        show(measurePhoto((one.pixels ??= readPixels(one)), mask));
        if (scale !== null) showSize(mask, (scale * one.fullWidth) / one.width);
      }
    };
    root.setAttribute("data-measuring", "");
    timer = setTimeout(measure, REST);
  }

  /** Show no number that another photo or another mask was measured to have. */
  function forget() {
    for (const name of ["count-value", "specks", "colour", "tone-value"]) find(name).textContent = "";
    for (const name of ["count", "colour", "tone"]) find(name).hidden = true;
    tellCards(null);
  }

  /** The cards say where an answer is another than what is measured; null: nothing is. */
  const tellCards = (detail) => measured.further || document.dispatchEvent(new CustomEvent("magic-measured", { detail }));

  function show({ count, specks, colour, tone }) {
    root.removeAttribute("data-measuring");
    find("count").hidden = false;
    find("count-value").textContent = String(count);
    find("count").dataset.count = count === 1 ? "one" : "many";
    find("specks").textContent = specks ? word("specks").replace("{count}", String(specks)) : "";
    find("colour").hidden = !colour;
    find("colour").textContent = colour ? word(`colour-${colour}`) : "";
    find("tone").hidden = !tone;
    if (tone) find("tone-value").textContent = word("tone").replace("{tone}", word(`tone-${tone.group}`)).replace("{angle}", String(Math.round(tone.angle)));
    tellCards({ count, colour });
  }

  /** Area, and the longest diameter of the largest part, in millimetres. scale: of a pixel of the mask. */
  function showSize({ data, width, height }, scale) {
    const area = data.reduce((sum, one) => sum + one, 0) * scale ** 2;
    find("size-mm").hidden = false;
    find("size-mm").textContent = word("size-mm")
      .replace("{area}", area < 100 ? area.toFixed(1) : String(Math.round(area)))
      .replace("{diameter}", (longestDiameter(data, width, height) * scale).toFixed(1));
  }

  /** Say a finished line to those who do not see the canvas. */
  function announce(text) {
    find("said").textContent = text;
  }

  /** Say something to those who do not see the canvas: a fixed word, or where the keyboard's hand is. */
  function say(what, at, one, mask) {
    const line = find("said");
    if (what !== "hand") {
      line.textContent = word(what);
      return;
    }
    clearTimeout(hint);
    hint = setTimeout(() => {
      const inside = mask?.[Math.min(one.height - 1, Math.floor(at.y)) * one.width + Math.min(one.width - 1, Math.floor(at.x))];
      line.textContent = `${Math.round((100 * at.x) / one.width)}%, ${Math.round((100 * at.y) / one.height)}% ${word(inside ? "inside" : "outside")}`;
    }, 250);
  }

  return { tell, say, announce };
}

/** The pixels of a photo, small: to be read once. */
export function readPixels(one) {
  const scale = Math.min(1, DEFINITIONS.LONGEST_SIDE / Math.max(one.width, one.height));
  const width = Math.max(1, Math.round(one.width * scale));
  const height = Math.max(1, Math.round(one.height * scale));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(one.bitmap, 0, 0, width, height);
  return { data: context.getImageData(0, 0, width, height).data, width, height };
}
