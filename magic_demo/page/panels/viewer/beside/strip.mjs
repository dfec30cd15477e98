// The strip of photos, in a place of its own in the left column.

import { drawOutline } from "../canvas/drawing.mjs";

const SIDE = 128; // pixels of a thumbnail
const PIXEL = 2.2; // of those, as wide as one of an outline in the window
const REST = 200; // milliseconds without a change before outlines are drawn anew

/** outlineOf(photo, step): {path, look} of the outline that a thumbnail shows, null where there is none. */
export function openStrip({ photos, current, show, outlineOf }) {
  let timer = 0;
  const place = () => document.querySelector("#photo-strip-list");

  function draw() {
    const list = place();
    if (!list) return;
    list.replaceChildren(...photos().map(thumbnail));
    list.dataset.count = String(photos().length);
    mark();
  }

  function thumbnail(one, number) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.dataset.photo = String(number);
    button.title = one.name;
    button.setAttribute("aria-label", `${number + 1} / ${photos().length}: ${one.name}`);
    const small = document.createElement("canvas");
    small.width = small.height = SIDE;
    paint(small.getContext("2d"), one);
    const label = document.createElement("span");
    label.textContent = String(number + 1);
    button.append(small, label);
    button.addEventListener("click", () => show(number));
    return button;
  }

  function mark() {
    for (const button of place()?.querySelectorAll("[data-photo]") ?? []) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.photo) === current()));
    }
    document.dispatchEvent(new CustomEvent("photo-shown", { detail: { number: current(), names: photos().map(({ name }) => name) } }));
  }

  // The middle of the photo, with its outline.
  function paint(context, one) {
    const side = Math.min(one.width, one.height);
    const scale = SIDE / side;
    context.setTransform(scale, 0, 0, scale, (-(one.width - side) / 2) * scale, (-(one.height - side) / 2) * scale);
    context.imageSmoothingQuality = "high";
    context.drawImage(one.bitmap, 0, 0);
    const outline = outlineOf(one, 1 / scale);
    if (outline) drawOutline(context, outline.path, outline.look, PIXEL / scale);
  }

  /** An outline may have changed. */
  function follow() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const button of place()?.querySelectorAll("[data-photo]") ?? []) {
        const one = photos()[Number(button.dataset.photo)];
        if (one) paint(button.querySelector("canvas").getContext("2d"), one);
      }
    }, REST);
  }

  return { draw, mark, follow };
}
