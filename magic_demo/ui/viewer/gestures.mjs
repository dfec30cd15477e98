// Wheel, drag, double-click and two fingers on the stage, turned into moves of the view.

import { pinch } from "./view.mjs";

export function followGestures(stage, { view, moveTo, zoom, fit, least }) {
  const fingers = new Map();
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const onButton = (event) => event.target.closest("button");

  stage.addEventListener("wheel", (event) => {
    if (!view()) return;
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    zoom(Math.exp(-Math.max(-240, Math.min(240, step)) * (event.ctrlKey ? 0.01 : 0.0022)), place(event)); // a pinch on a touchpad comes with ctrlKey
  }, { passive: false });

  stage.addEventListener("pointerdown", (event) => {
    if (!view() || onButton(event) || event.button > 1) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    stage.classList.add("is-moving");
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    const from = fingers.get(event.pointerId);
    const to = place(event);
    fingers.set(event.pointerId, to);
    const now = view();
    if (fingers.size === 1) moveTo({ scale: now.scale, x: now.x + to.x - from.x, y: now.y + to.y - from.y });
    else if (fingers.size === 2) moveTo(pinch(now, before, [...fingers.values()], least()));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) stage.classList.remove("is-moving");
    });
  }
  stage.addEventListener("dblclick", (event) => {
    if (!onButton(event)) fit();
  });
}
