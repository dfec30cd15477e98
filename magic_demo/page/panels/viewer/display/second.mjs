// Another photo of the case beside the one that is worked on: to be looked at, with the same outline layers, at the same part and enlargement.

import { onLanguage } from "../../frame/words.mjs";
import { drawView } from "../canvas/drawing.mjs";
import { fit, toPhoto, toWindow } from "../canvas/view.mjs";

/**
 * photos(), current(): of the case, and which is worked on. view(), fitted(), size(): how that one lies in its window. turnOf(photo): {angle, flip}.
 * ratio(), opacity(), layers(photo, view): as in drawView. zoom(factor, point), moveTo(view): of the one that is worked on; redraw().
 */
export function openSecond(root, { photos, current, view, fitted, size, turnOf, ratio, opacity, layers, zoom, moveTo, redraw }) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const pane = find("second");
  const canvas = find("second-canvas");
  const choice = find("second-photo");
  let chosen = null; // its name
  let held = null; // where the pointer is that moves it
  const shown = () => photos().find(({ name }) => name === chosen) ?? null;

  /** The photos may be others, or another one is worked on: never the same one twice. */
  function offer() {
    const others = photos().filter((_, number) => number !== current());
    root.toggleAttribute("data-several", others.length > 0);
    if (chosen !== null && !others.some(({ name }) => name === chosen)) chosen = photos()[(current() + 1) % photos().length]?.name ?? null;
    if (!others.length) chosen = null;
    choice.replaceChildren(...others.map(({ name }) => new Option(`${photos().findIndex((one) => one.name === name) + 1}: ${name}`, name, false, name === chosen)));
    root.toggleAttribute("data-second", chosen !== null);
    find("beside").setAttribute("aria-pressed", String(chosen !== null));
  }

  function toggle() {
    chosen = chosen === null ? (photos()[(current() + 1) % photos().length]?.name ?? null) : null;
    offer();
    redraw();
  }

  const room = () => ({ width: pane.clientWidth, height: pane.clientHeight });

  function draw() {
    const other = shown();
    if (!other || !view()) return;
    const { width, height } = room();
    canvas.width = Math.round(width * ratio());
    canvas.height = Math.round(height * ratio());
    const at = linkView({ photo: photos()[current()], view: view(), fitted: fitted(), size: size() }, { photo: other, turn: turnOf(other), size: room() });
    drawView(canvas.getContext("2d"), { photo: other, view: at, ratio: ratio(), opacity: opacity(), halves: [{ from: 0, to: 1, layers: layers(other, at) }] });
    pane.view = at; // what tests may ask
  }

  /** The point of the other window that shows the same part. */
  function across(event) {
    const box = pane.getBoundingClientRect();
    const [other, one] = [shown(), photos()[current()]];
    const at = toPhoto(pane.view, { x: event.clientX - box.left, y: event.clientY - box.top });
    return toWindow(view(), { x: (at.x / other.width) * one.width, y: (at.y / other.height) * one.height });
  }

  pane.addEventListener("wheel", (event) => {
    if (!shown() || event.target === choice) return;
    event.preventDefault();
    zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY)) * 0.0022), across(event));
  }, { passive: false });
  pane.addEventListener("pointerdown", (event) => {
    if (!shown() || event.target === choice) return;
    pane.setPointerCapture(event.pointerId);
    held = { x: event.clientX, y: event.clientY };
  });
  pane.addEventListener("pointermove", (event) => {
    if (!held) return;
    const share = view().scale / pane.view.scale;
    moveTo({ ...view(), x: view().x + (event.clientX - held.x) * share, y: view().y + (event.clientY - held.y) * share });
    held = { x: event.clientX, y: event.clientY };
  });
  for (const end of ["pointerup", "pointercancel"]) pane.addEventListener(end, () => { held = null; });
  choice.addEventListener("change", () => {
    chosen = choice.value;
    redraw();
  });
  find("beside").addEventListener("click", toggle);
  onLanguage(offer);

  return { offer, toggle, draw };
}

/** The view of another photo that shows the same part, as a share of the photo, at the same enlargement against the whole of it. */
export function linkView({ photo, view, fitted, size }, other) {
  const middle = toPhoto(view, { x: size.width / 2, y: size.height / 2 });
  const whole = fit(other.photo, other.size, other.turn);
  const at = { ...whole, scale: (whole.scale * view.scale) / fitted.scale, x: 0, y: 0 };
  const to = toWindow(at, { x: (middle.x / photo.width) * other.photo.width, y: (middle.y / photo.height) * other.photo.height });
  return { ...at, x: other.size.width / 2 - to.x, y: other.size.height / 2 - to.y };
}
