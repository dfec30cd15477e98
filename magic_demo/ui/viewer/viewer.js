// The canvas in the middle of the page: puts its parts together and draws. What the reader does here is drawn here, with no call to
// the server; the value, and what is said to the server, are described in viewer/__init__.py.

import { openCompare } from "./compare.mjs";
import { drawStill, drawStroke, drawView, OUTLINE } from "./drawing.mjs";
import { Editor } from "./editor.mjs";
import { openFacts } from "./facts.mjs";
import { followGestures } from "./gestures.mjs";
import { followKeys } from "./keys.mjs";
import { openLegend } from "./legend.mjs";
import { levelOf } from "./levels.mjs";
import { Outbox } from "./outbox.mjs";
import { openHeat, openLevels, openPhoto } from "./photo.mjs";
import { followRail } from "./rail.mjs";
import { union } from "./runs.mjs";
import { layersOf } from "./scene.mjs";
import { Sketch } from "./sketch.mjs";
import { openStrip } from "./strip.mjs";
import { openToolbox } from "./toolbox.mjs";
import { fit, keepInside, zoomAt } from "./view.mjs";
import { followHeat, withHeat } from "./why_heat.mjs";
import { onLanguage, readWords } from "./words.mjs";

const MODES = ["both", "outline", "fill", "heat", "none"];

export function mountViewer(element, { props, watch, trigger, events, rest }) {
  const root = element.querySelector(".viewer");
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const stage = find("stage");
  const canvas = find("canvas");
  const context = canvas.getContext("2d");
  const word = readWords(root);
  const state = { photos: [], caseId: null, current: 0, mode: "both", threshold: 0.5, opacity: 0.1, hidden: false, view: null, fitted: true, restore: 0 };
  let ownThreshold = 0.5; // the checkpoint's
  let arrival = 0;
  let frame = 0;
  let dirty = null; // what a stroke has changed since the last frame, in photo pixels
  let still = null; // while a stroke is drawn: what it does not change

  const photo = () => state.photos[state.current];
  const room = () => ({ width: stage.clientWidth, height: stage.clientHeight });
  const least = () => Math.min(1, fit(photo(), room()).scale) / 2;
  const ratio = () => window.devicePixelRatio || 1;

  // ---- parts

  const sketch = new Sketch(find("sketch"));
  const editor = new Editor({ photo, modelMask, part, redraw, changed });
  const outbox = new Outbox((entry) => tell(events[0], entry), rest);
  const facts = openFacts(root, { word, drawing: () => editor.busy });
  const legend = openLegend(root, { layers: presence, word, redraw });
  const compare = openCompare(root, { names: () => [["photo", word("photo")], ...legend.names(), ["all", word("all")]], redraw });
  const strip = openStrip({ photos: () => state.photos, current: () => state.current, show });
  const heatOf = followHeat({ paint: (name, address) => openHeat(state.photos.find((one) => one.name === name), address), redraw });
  const toolbox = openToolbox(root, {
    room: { photo, view: () => state.view, moveTo, size: room, covered: afterCover, say: (what, at) => facts.say(what, at, photo(), maskShown()) },
    editor,
    sketch,
    send: (hint) => tell(events[1], { case: state.caseId, ...hint }),
    sendCover: (area) => tell(events[2], { case: state.caseId, ...area }),
  });

  /** Tell the server, and the page's other parts. */
  function tell(event, entry) {
    trigger(event, entry);
    stage.dispatchEvent(new CustomEvent("viewer-tells", { detail: entry, bubbles: true }));
  }

  // ---- what comes from the server

  async function receive(value) {
    const turn = ++arrival;
    const photos = value?.photos ?? [];
    const first = value?.case !== state.caseId;
    const analysed = photos.some((one) => one.levels) && !state.photos.some((one) => one.model);
    const known = new Map(!first ? state.photos.map((one) => [one.id, one]) : []);
    let opened;
    try {
      opened = await Promise.all(photos.map((one) => openPhoto(one, known.get(one.id), value.others ?? [])));
    } catch {
      root.dataset.state = "failed";
      return;
    }
    if (turn !== arrival) return; // a later value overtook this one
    if (first) {
      outbox.flush(); // what was drawn in the case before
      toolbox.leave();
      editor.forget();
    }
    state.photos = opened;
    state.caseId = value?.case ?? null;
    editor.restore(opened, value?.own, !first && value?.restore !== state.restore);
    state.restore = value?.restore;
    ownThreshold = value?.threshold ?? 0.5;
    if (first || analysed) setThreshold(ownThreshold);
    root.toggleAttribute("data-synthetic", Boolean(value?.synthetic));
    root.toggleAttribute("data-editable", Boolean(value?.editable));
    root.dataset.state = opened.length ? "photo" : value?.text_only ? "text" : "empty";
    if (!value?.editable) toolbox.choose("view");
    if (opened.length) show(first ? 0 : Math.min(state.current, opened.length - 1), first);
    else redraw();
    strip.draw();
    afterChange();
    makeReady(opened);
  }

  /** Take the maps that have come of an analysis under way; view, threshold, strokes and history stay, and what is not seen draws nothing. */
  async function take(lines) {
    const [found, ...maps] = lines.trim().split("\n").map((line) => JSON.parse(line));
    if (found.case !== state.caseId) return;
    const levels = new Map(maps.map((one) => [one.photo, one.levels]));
    const last = maps.some((one) => one.last);
    const photos = state.photos;
    const analysed = !photos.some((one) => one.model);
    const before = photo()?.model;
    await Promise.all(photos.map((one) => openLevels(one, levels.get(one.name) ?? (last ? null : one.levelsSrc))));
    if (photos !== state.photos) return; // the case has changed meanwhile
    ownThreshold = found.threshold;
    if (analysed && photos.some((one) => one.model)) setThreshold(ownThreshold);
    if (!photos.length) root.dataset.state = "text";
    if (photo()?.model !== before) {
      redraw();
      afterChange();
    }
    makeReady(photos);
  }

  function makeReady(photos) {
    for (const one of photos) whenIdle(() => one.model?.setLevel(levelOf(state.threshold))); // so that switching to it costs a frame
  }

  // ---- the layers of the photo shown

  function presence() {
    const one = photo();
    return { model: Boolean(one?.model), own: Boolean(one && editor.layerOf(one)), others: one ? one.others.map((other) => other.reader) : [] };
  }

  function modelMask({ hidden = false } = {}) {
    const model = photo()?.model;
    return model && (hidden || legend.shown("model")) ? model.mask(levelOf(state.threshold)) : null;
  }

  /** The mask that facts are told of: the reader's, or the model's. */
  function maskShown() {
    const own = photo() && editor.own();
    return own?.exists ? own.data : modelMask({ hidden: true });
  }

  /** What cannot be told apart at this zoom, in photo pixels. */
  const stepAt = (view) => 0.6 / 2 ** Math.ceil(Math.log2(view.scale * ratio()));

  function halves(own = editor.layerOf(photo())) {
    const one = photo();
    const step = stepAt(state.view);
    one.model?.setLevel(levelOf(state.threshold));
    const sources = { model: one.model, own, others: one.others };
    return compare.halves().map(({ from, to, which }) => ({
      from,
      to,
      layers: state.hidden ? [] : withHeat(layersOf(sources, { which, shown: legend.shown, mode: state.mode, step }), which === "photo" ? null : heatOf(one)),
    }));
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
      if (dirty && dirty !== "all" && editor.busy) drawChange(dirty);
      else drawNow();
      dirty = null;
    });
  }

  // While a stroke is drawn only its surroundings are, with fill and outline made anew there; the rest of the canvas stays.
  function drawChange(rect) {
    const one = photo();
    const own = editor.layerOf(one);
    const { view, opacity } = state;
    const common = { view, ratio: ratio(), opacity };
    still ??= halves({ fill: true, outline: () => true }).map((half) => drawStill(context, { ...common, photo: one, half })); // whether its layer is shown is enough
    const room = Math.ceil((2 * OUTLINE) / view.scale) + 1; // what is drawn again reaches a little beyond what changed
    const around = {
      left: Math.max(0, rect.left - room),
      top: Math.max(0, rect.top - room),
      right: Math.min(one.width, rect.right + room),
      bottom: Math.min(one.height, rect.bottom + room),
    };
    const fill = once(() => own.fillInside(around));
    const outline = once(() => own.outlineInside(around, stepAt(view)));
    for (const half of still) drawStroke(context, { ...common, still: half, rect, around, fill, outline });
  }

  function drawNow() {
    still = null;
    const { width, height } = room();
    if (canvas.width !== Math.round(width * ratio()) || canvas.height !== Math.round(height * ratio())) {
      canvas.width = Math.round(width * ratio());
      canvas.height = Math.round(height * ratio());
    }
    const one = photo();
    if (one && !state.view) state.view = fit(one, room());
    drawView(context, { photo: one, view: state.view, ratio: ratio(), halves: one ? halves() : [], opacity: state.opacity });
    if (one) sketch.place(state.view);
    find("zoom-value").textContent = one ? `${Math.round(state.view.scale * 100)}%` : "";
  }

  // ---- what the reader does

  function changed(one) {
    toolbox.settled();
    const own = editor.own(one);
    const caseId = state.caseId;
    outbox.note(one.name, () => ({ case: caseId, photo: one.name, width: one.width, height: one.height, runs: own.toRuns(), edits: own.edits }));
    redraw();
    afterChange();
  }

  function undo() {
    if (toolbox.covering()) toolbox.uncover();
    else editor.undo();
  }

  function afterCover() {
    afterChange();
    redraw();
  }

  // Everything beside the canvas that tells of the masks.
  function afterChange() {
    const own = photo() ? editor.own() : null;
    find("undo").setAttribute("aria-disabled", String(!own?.past.length && !toolbox.covering()));
    find("redo").setAttribute("aria-disabled", String(!own?.future.length));
    find("take").setAttribute("aria-disabled", String(!photo()?.model));
    legend.show();
    if (compare.on) compare.offer();
    tellFacts();
  }

  function tellFacts() {
    const one = photo();
    if (one) facts.tell(one, { own: editor.own()?.exists ? editor.own() : null, level: levelOf(state.threshold) });
  }

  function show(number, refit = false) {
    if (!state.photos.length) return;
    const before = photo();
    const next = (number + state.photos.length) % state.photos.length;
    if (next !== state.current) {
      toolbox.leave();
      outbox.flush();
    }
    state.current = next;
    toolbox.fitTo(photo());
    if (refit || before !== photo()) fitPhoto();
    strip.mark();
    afterChange();
    redraw();
  }

  function fitPhoto() {
    state.view = photo() ? fit(photo(), room()) : null;
    state.fitted = true;
    redraw();
  }

  function moveTo(view) {
    if (!photo()) return;
    state.view = keepInside(view, photo(), room());
    state.fitted = false;
    redraw();
  }

  function zoom(factor, point) {
    if (!photo()) return;
    moveTo(zoomAt(state.view, factor, point ?? { x: room().width / 2, y: room().height / 2 }, least()));
  }

  function setMode(mode) {
    state.mode = mode;
    for (const button of root.querySelectorAll("[data-mode]")) {
      const chosen = button.dataset.mode === mode;
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    redraw();
  }

  function setThreshold(threshold) {
    state.threshold = threshold;
    find("threshold").value = String(threshold);
    find("threshold-value").textContent = threshold.toFixed(2);
    tellFacts();
    redraw();
  }

  function setOpacity(opacity) {
    state.opacity = opacity;
    find("opacity-value").textContent = `${Math.round(opacity * 100)}%`;
    redraw();
  }

  function setHidden(hidden) {
    if (state.hidden === hidden) return;
    state.hidden = hidden;
    root.toggleAttribute("data-hidden", hidden);
    find("hide").setAttribute("aria-pressed", String(hidden));
    redraw();
  }

  // ---- wiring

  root.querySelector("[role=radiogroup]").addEventListener("click", (event) => {
    const button = event.target.closest("[data-mode]");
    if (button) setMode(button.dataset.mode);
  });
  root.querySelector("[role=radiogroup]").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    setMode(MODES[(MODES.indexOf(state.mode) + step + MODES.length) % MODES.length]);
    find(`mode-${state.mode}`).focus();
  });
  find("threshold").addEventListener("input", (event) => setThreshold(Number(event.target.value)));
  find("threshold").addEventListener("dblclick", () => setThreshold(ownThreshold));
  find("opacity").addEventListener("input", (event) => setOpacity(Number(event.target.value)));
  find("hide").addEventListener("pointerdown", () => setHidden(true));
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) find("hide").addEventListener(end, () => setHidden(false));
  find("hide").addEventListener("keydown", (event) => (event.key === " " || event.key === "Enter") && setHidden(true));
  for (const end of ["keyup", "blur"]) find("hide").addEventListener(end, () => setHidden(false));
  find("zoom-in").addEventListener("click", () => zoom(1.25));
  find("zoom-out").addEventListener("click", () => zoom(1 / 1.25));
  find("fit").addEventListener("click", fitPhoto);
  find("undo").addEventListener("click", undo);
  find("redo").addEventListener("click", () => editor.redo());
  for (const name of ["holes", "smooth", "grow", "shrink", "take", "clear"]) find(name).addEventListener("click", () => editor.change(name));
  followRail(find("rail"));
  followGestures(stage, { view: () => state.view, moveTo, zoom, fit: fitPhoto, least, tool: toolbox.inHand, eraser: toolbox.eraser, hover: toolbox.hover });
  new ResizeObserver(() => (state.fitted ? fitPhoto() : moveTo(state.view))).observe(stage);
  followKeys(stage, toolbox, {
    open: () => Boolean(photo()),
    setHidden,
    nextMode: () => setMode(MODES[(MODES.indexOf(state.mode) + 1) % MODES.length]),
    fit: fitPhoto,
    zoom,
    go: (step) => show(state.current + step),
    undo,
    redo: () => editor.redo(),
    compare: compare.toggle,
  });
  onLanguage(afterChange);
  for (const [where, event] of [[window, "pagehide"], [document, "visibilitychange"]]) where.addEventListener(event, () => outbox.flush());

  // What tests and the page's other parts may ask: the masks that are drawn, where they are drawn, and the state.
  stage.viewer = {
    state,
    heat: () => photo() && heatOf(photo()),
    tools: toolbox,
    mask: () => (photo()?.model ? { width: photo().width, height: photo().height, data: modelMask({ hidden: true }) } : null),
    own: () => (editor.own()?.exists ? { width: photo().width, height: photo().height, data: editor.own().data } : null),
    flush: () => outbox.flush(),
    drawNow,
  };
  let arriving = Promise.resolve();
  watch("value", () => { arriving = receive(props.value); });
  watch("found", () => { arriving = arriving.then(() => props.found && take(props.found)).catch(() => { root.dataset.state = "failed"; }); }); // after its photos
  watch("wand_reply", () => toolbox.answer(props.wand_reply));
  watch("cover_reply", () => toolbox.coverAnswered(props.cover_reply));
  arriving = receive(props.value);
}

function once(make) {
  let made = null;
  return () => (made ??= make());
}

function whenIdle(callback) {
  if (window.requestIdleCallback) window.requestIdleCallback(callback);
  else setTimeout(callback, 200);
}
