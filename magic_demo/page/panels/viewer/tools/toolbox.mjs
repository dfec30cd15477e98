// The tools beside the canvas: which one is in use, its options, its cursor, and how the keyboard draws with it.

import { brushTool } from "./brush_tool.mjs";
import { coverTool } from "./cover_tool.mjs";
import { pointTool } from "./point_tool.mjs";
import { polygonTool } from "./polygon_tool.mjs";
import { rulerTool } from "./ruler_tool.mjs";
import { toPhoto, toWindow } from "../canvas/view.mjs";

const NAMES = ["view", "point", "brush", "eraser", "polygon", "ruler", "cover"];
const CLICKS = ["polygon", "point", "ruler"]; // what a key sets down at once
const LEAST_RADIUS = 1;
const MOST_RADIUS = 200;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** room: {photo(), view(), moveTo(view), size(), redraw(), say(word, at)}; send(asked): asks for the outline that points want; sendCover(area): has it covered. */
export function openToolbox(root, { room, editor, rulers, sketch, send, sendCover }) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const stage = find("stage");
  const ring = find("cursor");
  const state = { name: "view", before: "point", radius: 0, pointKind: "add", adds: true, pan: false, at: null, hand: null, down: false };

  const desk = {
    ...room,
    editor,
    sketch,
    radius: () => state.radius,
    adds: () => state.adds,
    pointKind: () => state.pointKind,
    pointing: () => state.name === "point",
    pointsShown: (count) => root.toggleAttribute("data-points", count > 0),
    toPhoto: (point) => toPhoto(room.view(), point),
    /** Show a photo with a tool in hand, for a step of that tool that is undone or redone. */
    reachWith(name, tool) {
      const photo = room.reach({ name });
      if (photo) choose(tool);
      return photo;
    },
    counted: (count) => root.toggleAttribute("data-polygon", count > 0),
    /** So many areas are to be covered; `busy`: the server is at it. */
    coversTold(count, busy = false) {
      root.toggleAttribute("data-covers", count > 0);
      root.toggleAttribute("data-cutting", busy);
      find("cover-confirm").disabled = find("cover-back").disabled = find("cover-cancel").disabled = busy;
      room.covered();
    },
    busy: (busy) => {
      root.toggleAttribute("data-cutting", busy);
      find("tool-point").setAttribute("aria-busy", String(busy));
    },
  };
  const tools = { view: null, brush: brushTool(desk, 1), eraser: brushTool(desk, 0), polygon: polygonTool(desk), point: pointTool(desk, send), ruler: rulerTool(desk, root, rulers), cover: coverTool(desk, sendCover) };
  const tool = () => tools[state.name];
  const paints = () => state.name === "brush" || state.name === "eraser";

  function choose(name) {
    if (name !== "view" && !root.hasAttribute(name === "cover" ? "data-coverable" : "data-editable")) return;
    if (name === "polygon" && state.name === "polygon") return setAdds(!state.adds);
    if (name === state.name) return;
    stopHand();
    tool()?.leave();
    state.before = state.name;
    state.name = name;
    root.dataset.tool = name;
    for (const one of NAMES) find(`tool-${one}`).setAttribute("aria-pressed", String(one === name));
    if (tool() && document.activeElement?.closest("#cards-panel")) stage.focus({ preventScroll: true }); // the keys are the tool's: Enter answers no question
    drawRing(state.at);
  }

  function setRadius(radius) {
    state.radius = Math.min(MOST_RADIUS, Math.max(LEAST_RADIUS, radius));
    find("brush").value = String(Math.round(100 * (Math.log(state.radius / LEAST_RADIUS) / Math.log(MOST_RADIUS / LEAST_RADIUS))));
    find("brush-value").textContent = String(Math.round(2 * state.radius));
    find("brush").setAttribute("aria-valuetext", `${Math.round(2 * state.radius)} px`);
    drawRing(state.at);
  }

  function press(kind, value) {
    for (const button of root.querySelectorAll(`[data-${kind}]`)) button.setAttribute("aria-pressed", String(button.dataset[kind] === value));
  }

  function setAdds(adds) {
    state.adds = adds;
    press("polygon", adds ? "add" : "subtract");
    tools.polygon.redraw();
  }

  function setPointKind(kind) {
    state.pointKind = kind;
    press("point", kind);
  }

  // ---- the cursor: a ring of the brush's true size, or a cross

  function drawRing(point) {
    state.at = point;
    ring.hidden = !point || !tool() || state.pan;
    if (ring.hidden) return;
    const across = paints() ? Math.max(3, 2 * state.radius * room.view().scale) : 22;
    ring.style.width = ring.style.height = `${across}px`;
    ring.style.transform = `translate(${point.x - across / 2}px, ${point.y - across / 2}px)`;
    ring.dataset.kind = paints() ? "ring" : "cross";
  }

  function hover(point, event) {
    if (event?.type === "pointermove" && state.hand) stopHand();
    drawRing(event?.pointerType === "touch" ? null : point); // a finger hides it anyway
    if (tool() && !state.pan) tool().hover(point);
  }

  // ---- drawing by keyboard: the arrows move a hand over the photo, Space puts the tool down

  function moveHand([x, y], event) {
    const { width, height } = room.size();
    const now = state.hand ? toWindow(room.view(), state.hand) : { x: width / 2, y: height / 2 };
    const step = state.hand ? (event.shiftKey ? 24 : event.altKey ? 1 : 6) : 0;
    const photo = room.photo();
    const to = desk.toPhoto({ x: now.x + x * step, y: now.y + y * step });
    state.hand = { x: Math.min(photo.width, Math.max(0, to.x)), y: Math.min(photo.height, Math.max(0, to.y)) };
    follow();
    const point = toWindow(room.view(), state.hand);
    if (state.down) tool().move([point]);
    else tool().hover(point);
    drawRing(point);
    room.say("hand", state.hand);
  }

  // Keep the hand in sight.
  function follow() {
    const view = room.view();
    const { width, height } = room.size();
    const at = toWindow(view, state.hand);
    const dx = at.x < 40 ? 40 - at.x : at.x > width - 40 ? width - 40 - at.x : 0;
    const dy = at.y < 40 ? 40 - at.y : at.y > height - 40 ? height - 40 - at.y : 0;
    if ((dx || dy) && !state.down) room.moveTo({ ...view, x: view.x + dx, y: view.y + dy });
  }

  /** event: the key's, whose Alt takes away. */
  function putDown(event) {
    if (state.down) return;
    state.down = true;
    tool().start(toWindow(room.view(), state.hand), event);
    if (CLICKS.includes(state.name)) lift();
  }

  function lift() {
    if (!state.down) return;
    state.down = false;
    tool().end();
  }

  function stopHand() {
    if (state.down) {
      state.down = false;
      tool()?.cancel();
    }
    if (state.hand) drawRing(null);
    state.hand = null;
  }

  /** A key on the stage; true where it meant the tool. */
  function keyOnStage(event) {
    if (!tool() || !room.photo()) return false;
    if (ARROWS[event.key]) moveHand(ARROWS[event.key], event);
    else if (state.hand && (event.key === " " || (state.name === "point" && "Enter-".includes(event.key)) || (state.name === "ruler" && event.key === "Enter"))) {
      if (!event.repeat) putDown({ altKey: event.altKey || event.key === "-" });
    } else return false;
    return true;
  }

  /** A key anywhere; true where it meant the tool. */
  function key(name) {
    if (name === "Enter" && state.name === "polygon" && tools.polygon.count()) tools.polygon.close();
    else if (name === "Enter" && state.name === "point" && tools.point.count()) tools.point.leave();
    else if (name === "Escape" && tool()) {
      if (state.down) {
        state.down = false;
        tool().cancel();
      } else tool().leave();
    }
    else if (name === "Backspace" && tool()?.back) tool().back();
    else if ((name === "[" || name === "]") && paints()) setRadius(state.radius * (name === "]" ? 1.2 : 1 / 1.2));
    else return false;
    return true;
  }

  function keyUp(name) {
    if (name === " ") lift();
  }

  // ---- buttons

  for (const name of NAMES) find(`tool-${name}`).addEventListener("click", () => name !== state.name && choose(name));
  find("brush").addEventListener("input", (event) => setRadius(LEAST_RADIUS * (MOST_RADIUS / LEAST_RADIUS) ** (Number(event.target.value) / 100)));
  for (const button of root.querySelectorAll("[data-polygon]")) {
    if (button.tagName === "BUTTON") button.addEventListener("click", () => setAdds(button.dataset.polygon === "add"));
  }
  for (const button of root.querySelectorAll("button[data-point]")) button.addEventListener("click", () => setPointKind(button.dataset.point));
  find("point-accept").addEventListener("click", () => tools.point.leave());
  find("polygon-close").addEventListener("click", () => tools.polygon.close());
  find("polygon-cancel").addEventListener("click", () => tools.polygon.leave());
  find("cover-confirm").addEventListener("click", () => tools.cover.confirm());
  find("cover-back").addEventListener("click", () => tools.cover.back());
  find("cover-cancel").addEventListener("click", () => tools.cover.leave());
  stage.addEventListener("dblclick", () => state.name === "polygon" && tools.polygon.close());
  stage.addEventListener("blur", stopHand);

  return {
    choose,
    swap: () => choose(state.before),
    key,
    keyOnStage,
    keyUp,
    hover,
    answer: (reply) => tools.point.answer(reply),
    coverAnswered: (reply, same) => tools.cover.answer(reply, same),
    /** What the other end of a pen draws with, whatever the tool. */
    eraser: () => (root.hasAttribute("data-editable") ? tools.eraser : null),
    settled: () => tools.point.settled(),
    measured: () => tools.ruler.shown(),
    /** The tool a pointer draws with; null where it moves the photo. */
    inHand: () => (state.pan ? null : tool()),
    setPan(pan) {
      const before = state.pan;
      state.pan = pan && Boolean(tool());
      root.toggleAttribute("data-panning", state.pan);
      drawRing(state.at);
      return before;
    },
    /** Whether the pointer is over the photo, ready to draw. */
    pointing: () => Boolean(state.at && tool() && !state.hand),
    /** Whether something is half drawn, which Escape gives up first. */
    unfinished: () => state.down || [tools.polygon, tools.point, tools.ruler, tools.cover].some((one) => one.count() > 0),
    /** Another photo is shown: nothing half drawn goes with it. */
    leave() {
      stopHand();
      tool()?.leave();
    },
    fitTo(photo) {
      tools.cover.shown();
      tools.ruler.shown();
      if (!state.radius) setRadius(Math.max(4, Math.max(photo.width, photo.height) / 50));
    },
    get name() {
      return state.name;
    },
    get radius() {
      return state.radius;
    },
    setRadius,
  };
}
