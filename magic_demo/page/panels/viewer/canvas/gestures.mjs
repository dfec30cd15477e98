// Wheel, drag, double-click and two fingers on the stage, turned into moves of the view or handed to the tool in use.

import { pinch } from "./view.mjs";

const PEN_ERASER = 5; // the button that a pen's other end presses
const RIGHT = 2;

/**
 * tool(): null while dragging moves the photo, else {start(point, event), move(points), end(), cancel()} with points in window pixels; takesRight: also of the right button.
 * eraser(): the tool of a pen's other end. hover(point | null, event): where the pointer is, for the cursor.
 */
export function followGestures(stage, { view, moveTo, zoom, fit, least, most, tool, eraser, hover }) {
  const fingers = new Map();
  let pens = false; // who has drawn with a pen moves the photo with a finger
  let drawing = null; // the tool that holds the pointer, and which pointer
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const onControl = (event) => event.target.closest("button, input, select, label, [role=slider], .viewer-float");

  stage.addEventListener("wheel", (event) => {
    if (!view() || event.target.closest("select")) return;
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    zoom(Math.exp(-Math.max(-240, Math.min(240, step)) * (event.ctrlKey ? 0.01 : 0.0022)), place(event)); // a pinch on a touchpad comes with ctrlKey
  }, { passive: false });

  stage.addEventListener("pointerdown", (event) => {
    const turned = event.pointerType === "pen" && event.button === PEN_ERASER;
    if (!view() || onControl(event) || (event.button > 1 && !turned && !(event.button === RIGHT && tool()?.takesRight))) return;
    pens ||= event.pointerType === "pen";
    if (event.pointerType === "touch" && drawing?.pen) return; // the hand that holds the pen, after the pen
    if (event.pointerType === "pen") fingers.clear(); // ... or before it
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    const chosen = turned ? eraser() : event.button === 1 || (pens && event.pointerType === "touch") ? null : tool();
    if (fingers.size === 1 && chosen) {
      drawing = { tool: chosen, pointer: event.pointerId, pen: event.pointerType === "pen" };
      chosen.start(place(event), event);
      return;
    }
    giveUp(); // a second finger: what the first has drawn was the beginning of a pinch
    stage.classList.add("is-moving");
  });

  function giveUp() {
    drawing?.tool.cancel();
    drawing = null;
  }

  stage.addEventListener("pointermove", (event) => {
    hover(onControl(event) && !drawing ? null : place(event), event);
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    const from = fingers.get(event.pointerId);
    const to = place(event);
    fingers.set(event.pointerId, to);
    if (drawing) {
      const all = event.getCoalescedEvents?.() ?? [];
      drawing.tool.move((all.length ? all : [event]).map(place), event);
      return;
    }
    const now = view();
    if (fingers.size === 1) moveTo({ ...now, x: now.x + to.x - from.x, y: now.y + to.y - from.y });
    else if (fingers.size === 2) moveTo(pinch(now, before, [...fingers.values()], least(), most()));
  });
  stage.addEventListener("pointerleave", (event) => hover(null, event));
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      if (drawing?.pointer === event.pointerId) {
        const { tool: held } = drawing;
        drawing = null;
        if (end === "pointerup") held.end(event);
        else held.cancel();
      }
      if (!fingers.size) stage.classList.remove("is-moving");
    });
  }
  stage.addEventListener("contextmenu", (event) => {
    if (tool()?.takesRight && !onControl(event)) event.preventDefault();
  });
  stage.addEventListener("dblclick", (event) => {
    if (!onControl(event) && !tool()) fit();
  });
}
