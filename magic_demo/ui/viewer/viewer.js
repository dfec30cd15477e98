// The canvas in the middle of the page. Everything the reader changes here is drawn here: no call to the server.
//
// The server sends one value, {case, threshold, synthetic, photos: [{id, name, width, height, src, levels}]}: `src` is the photo and
// `levels` the model's map (null before the analysis), an 8-bit grey PNG of the same size. Both are data addresses.

import { contour, thin, tileRanges } from "./contour.mjs";
import { drawView } from "./drawing.mjs";
import { followGestures } from "./gestures.mjs";
import { areaShare, countLevels, fillPalette, heatPalette, levelOf, levelsFromRgba, maskOf, paint } from "./levels.mjs";
import { fit, keepInside, zoomAt } from "./view.mjs";

const FILL_RGB = [0, 200, 255];
const MODES = ["both", "outline", "fill", "heat", "none"];

export function mountViewer(element, { props, watch }) {
  const root = element.querySelector(".viewer");
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const stage = find("stage");
  const canvas = find("canvas");
  const context = canvas.getContext("2d");
  const state = { photos: [], caseId: null, current: 0, mode: "both", threshold: 0.5, opacity: 0.2, hidden: false, view: null, fitted: true };
  let ownThreshold = 0.5; // the checkpoint's
  let arrival = 0;
  let frame = 0;

  const photo = () => state.photos[state.current];
  const room = () => ({ width: stage.clientWidth, height: stage.clientHeight });
  const least = () => Math.min(1, fit(photo(), room()).scale) / 2;

  // ---- what comes from the server

  async function receive(value) {
    const turn = ++arrival;
    const photos = value?.photos ?? [];
    const first = value?.case !== state.caseId;
    const analysed = photos.some((one) => one.levels) && !state.photos.some((one) => one.levels);
    const known = new Map(!first ? state.photos.map((one) => [one.id, one]) : []);
    let opened;
    try {
      opened = await Promise.all(photos.map((one) => open(one, known.get(one.id))));
    } catch {
      root.dataset.state = "failed";
      return;
    }
    if (turn !== arrival) return; // a later value overtook this one
    state.photos = opened;
    state.caseId = value?.case ?? null;
    ownThreshold = value?.threshold ?? 0.5;
    if (first || analysed) setThreshold(ownThreshold);
    root.toggleAttribute("data-synthetic", Boolean(value?.synthetic));
    root.dataset.state = opened.length ? "photo" : value?.text_only ? "text" : "empty";
    if (opened.length) show(first ? 0 : Math.min(state.current, opened.length - 1), first);
    else redraw();
    drawStrip();
  }

  async function open(one, before) {
    const opened = before && before.src === one.src ? before : { ...one, bitmap: await decode(one.src), levelsSrc: null, levels: null };
    if (one.levels !== opened.levelsSrc) {
      opened.levelsSrc = one.levels;
      opened.levels = one.levels ? await readLevels(one.levels, one.width, one.height) : null;
      opened.layers = null;
      if (opened.levels) {
        opened.counts = countLevels(opened.levels);
        opened.ranges = tileRanges(opened.levels, one.width, one.height);
      }
    }
    return opened;
  }

  // ---- layers of one photo, made when they are first shown

  function layersOf(one) {
    const level = levelOf(state.threshold);
    if (!one.layers) one.layers = { level: -1 };
    if (one.layers.level !== level) {
      one.layers.level = level;
      one.layers.fill = paintLayer(one, fillPalette(level, FILL_RGB), one.layers.fill);
      one.layers.lines = contour(one.levels, one.width, one.height, level, one.ranges);
      one.layers.step = 0;
    }
    const step = 0.6 / 2 ** Math.ceil(Math.log2(state.view.scale * (window.devicePixelRatio || 1)));
    if (one.layers.step !== step) {
      one.layers.step = step;
      one.layers.outline = outlinePath(one.layers.lines, step);
    }
    if (state.mode === "heat" && !one.layers.heat) one.layers.heat = paintLayer(one, heatPalette());
    return one.layers;
  }

  function redraw() {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      drawNow();
    });
  }

  function drawNow() {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = room();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const one = photo();
    if (one && !state.view) state.view = fit(one, room());
    const bare = state.hidden || state.mode === "none" || !one?.levels;
    drawView(context, { photo: one, view: state.view, ratio, layers: bare ? null : layersOf(one), mode: state.mode, opacity: state.opacity });
    find("zoom-value").textContent = one ? `${Math.round(state.view.scale * 100)}%` : "";
  }

  function tellFacts() {
    const one = photo();
    root.dataset.mask = !one?.levels ? "plain" : "mask";
    if (!one) return;
    find("name").textContent = one.name;
    if (!one.levels) return;
    const share = areaShare(one.counts, levelOf(state.threshold));
    if (share === 0) root.dataset.mask = "nothing";
    find("area-value").textContent = share < 0.001 ? "<0.1%" : `${(share * 100).toFixed(1)}%`;
  }

  // ---- what the reader does

  function show(number, refit = false) {
    if (!state.photos.length) return;
    const before = photo();
    state.current = (number + state.photos.length) % state.photos.length;
    if (refit || before !== photo()) fitPhoto();
    markStrip();
    tellFacts();
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
    find("hide").setAttribute("aria-pressed", String(hidden));
    redraw();
  }

  // ---- the strip of photos, in a place of its own in the left column

  const strip = () => document.querySelector("#photo-strip-list");

  function drawStrip() {
    const list = strip();
    if (!list) return;
    list.replaceChildren(...state.photos.map((one, number) => thumbnail(one, number)));
    list.dataset.count = String(state.photos.length);
    markStrip();
  }

  function thumbnail(one, number) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.dataset.photo = String(number);
    button.title = one.name;
    button.setAttribute("aria-label", `${number + 1} / ${state.photos.length}: ${one.name}`);
    const small = document.createElement("canvas");
    small.width = small.height = 128;
    const side = Math.min(one.width, one.height);
    small.getContext("2d").drawImage(one.bitmap, (one.width - side) / 2, (one.height - side) / 2, side, side, 0, 0, 128, 128);
    const label = document.createElement("span");
    label.textContent = String(number + 1);
    button.append(small, label);
    button.addEventListener("click", () => show(number));
    return button;
  }

  function markStrip() {
    for (const button of strip()?.querySelectorAll("[data-photo]") ?? []) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.photo) === state.current));
    }
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
  find("zoom-in").addEventListener("click", () => zoom(1.25));
  find("zoom-out").addEventListener("click", () => zoom(1 / 1.25));
  find("fit").addEventListener("click", fitPhoto);
  followGestures(stage, { view: () => state.view, moveTo, zoom, fit: fitPhoto, least });
  new ResizeObserver(() => (state.fitted ? fitPhoto() : moveTo(state.view))).observe(stage);

  const keys = {
    h: () => setHidden(true),
    " ": () => setHidden(true),
    m: () => setMode(MODES[(MODES.indexOf(state.mode) + 1) % MODES.length]),
    "0": fitPhoto,
    "+": () => zoom(1.25),
    "=": () => zoom(1.25),
    "-": () => zoom(1 / 1.25),
    "[": () => show(state.current - 1),
    "]": () => show(state.current + 1),
    ArrowLeft: () => show(state.current - 1),
    ArrowRight: () => show(state.current + 1),
  };
  const isField = (target) => target.closest?.("input, textarea, select, [contenteditable=true]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !photo() || isField(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!keys[key] || (key === " " && event.target.closest("button, summary, a, [role=button]"))) return;
    event.preventDefault();
    keys[key]();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " " || event.key.toLowerCase() === "h") setHidden(false);
  });
  window.addEventListener("blur", () => setHidden(false));

  // What tests, and later tools of the page, may ask: the mask that is drawn, where it is drawn, and the state.
  stage.viewer = {
    state,
    mask: () => (photo()?.levels ? { width: photo().width, height: photo().height, data: maskOf(photo().levels, levelOf(state.threshold)) } : null),
    drawNow,
  };
  watch("value", () => receive(props.value));
  receive(props.value);
}

async function decode(address) {
  const answer = await fetch(address);
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

async function readLevels(address, width, height) {
  const bitmap = await decode(address);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true }); // in memory: a graphics card may round the levels
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return levelsFromRgba(context.getImageData(0, 0, width, height).data);
}

function paintLayer(one, palette, canvas = new OffscreenCanvas(one.width, one.height)) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(one.width, one.height);
  paint(one.levels, palette, new Uint32Array(image.data.buffer));
  context.putImageData(image, 0, 0);
  return canvas;
}

function outlinePath(lines, step) {
  const path = new Path2D();
  for (const line of lines) {
    const points = thin(line, step);
    path.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 2) path.lineTo(points[i], points[i + 1]);
    path.closePath();
  }
  return path;
}
