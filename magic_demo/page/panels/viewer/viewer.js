// The canvas in the middle of the page: puts its parts together and draws. What the reader does here is drawn here, with no call to
// the server; the value, and what is said to the server, are described in viewer/__init__.py.

import { journal } from "../frame/keys/journal.mjs";
import { openAlone } from "./display/alone.mjs";
import { openCompare } from "./display/compare.mjs";
import { followDetail } from "./canvas/detail.mjs";
import { openDisplay } from "./display/display.mjs";
import { Editor } from "./tools/editor.mjs";
import { Editors } from "./tools/editors.mjs";
import { openFacts } from "./beside/facts.mjs";
import { openGlide } from "./canvas/glide.mjs";
import { followGestures } from "./canvas/gestures.mjs";
import { followKeys } from "./canvas/keys.mjs";
import { openLegend } from "./beside/legend.mjs";
import { openLabelSwitch } from "./beside/label_switch.mjs";
import { lookOfLabel, MODEL, OWN } from "./canvas/layer_looks.mjs";
import { nameOfLayer } from "./canvas/scene.mjs";
import { levelOf } from "./masks/levels.mjs";
import { openMarking, MODES } from "./canvas/marking.mjs";
import { openPieces } from "./pieces/open_pieces.mjs";
import { openNote } from "./beside/note.mjs";
import { Outbox } from "./masks/outbox.mjs";
import { keyOf } from "./masks/outline_names.mjs";
import { openPainter } from "./canvas/painter.mjs";
import { openHeat, openLevels, openPhoto, takeServed } from "./canvas/photo.mjs";
import { followRail } from "./tools/rail.mjs";
import { drawRulers } from "./beside/ruler_lines.mjs";
import { Rulers } from "./tools/rulers.mjs";
import { Sketch } from "./tools/sketch.mjs";
import { openSecond } from "./display/second.mjs";
import { openStrip } from "./beside/strip.mjs";
import { openToolbox } from "./tools/toolbox.mjs";
import { openVersions } from "./display/versions.mjs";
import { fit, keepInside, mostScale, toPhoto, toWindow, turnAt, zoomAt } from "./canvas/view.mjs";
import { followHeat } from "./beside/why_heat.mjs";
import { followOpenings } from "../frame/openings.mjs";
import { onLanguage, readWords } from "../frame/words.mjs";

export function mountViewer(element, { props, watch, trigger, rest }) {
  const root = element.querySelector(".viewer");
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const stage = find("stage");
  const canvas = find("canvas");
  const word = readWords(root);
  const state = { photos: [], openId: null, current: 0, mode: MODES[0], threshold: 0.5, opacity: 0.1, hidden: false, printing: false, view: null, fitted: true, restore: 0 };
  let ownThreshold = 0.5; // the checkpoint's
  const isLate = followOpenings();
  let arrival = 0;

  const photo = () => state.photos[state.current];
  const room = () => ({ width: stage.clientWidth, height: stage.clientHeight });
  const fitted = () => fit(photo(), room(), display.lookOf());
  const least = () => Math.min(1, fitted().scale) / 2;
  const most = () => mostScale(photo());
  const ratio = () => window.devicePixelRatio || 1;

  // ---- parts

  const painter = openPainter(root, canvas, { state, photo, room, ratio, fitted, sources, editor: () => editor, compare: () => compare, legend: () => legend, heatOf: () => heatOf }, drawn);
  const { redraw, part } = painter;
  const sketch = new Sketch(find("sketch"));
  const editor = new Editors(editorOf, labelChosen);
  const rulers = new Rulers({ journal, openId: () => state.openId, reach, changed: measured });
  const outbox = new Outbox((entry) => tell("ruler" in entry ? "ruler" : "comments" in entry ? "remarks" : "mask", entry), rest);
  const labels = openLabelSwitch(root, { editors: editor, photo, nameOf, word });
  const facts = openFacts(root, { word, drawing: () => editor.busy });
  const note = openNote(root, { word, place: (point) => toWindow(state.view, point), size: room });
  const legend = openLegend(root, { layers: presence, word, redraw });
  const compare = openCompare(root, { names: () => [["photo", word("photo")], ...legend.names(), ["all", word("all")]], redraw });
  const marking = openMarking(root, { state, usual: () => ownThreshold, moved: thresholdMoved, redraw });
  const display = openDisplay(root, { photo, turned: turnPhoto, redraw });
  const detail = followDetail({ photo, view: () => state.view, size: room, ratio, openId: () => state.openId, arrived });
  const pieces = openPieces(root, { journal, openId: () => state.openId, reach, changed: remarked, photo, mask: ownMask, place: (point) => toWindow(state.view, point), at: (point) => toPhoto(state.view, point), centre, size: room, scale: (one) => rulers.scale(one), busy: () => editor.busy, say, word, redraw });
  const strip = openStrip({ photos: () => state.photos, current: () => state.current, show, outlineOf });
  const second = openSecond(root, { photos: () => state.photos, current: () => state.current, view: () => state.view, fitted, size: room, turnOf: display.lookOf, ratio, opacity: () => state.opacity, layers: painter.layersBeside, zoom, moveTo, redraw });
  const heatOf = followHeat({ paint: (name, address) => openHeat(state.photos.find((one) => one.name === name), address), redraw });
  const toolbox = openToolbox(root, {
    room: { photo, reach, openId: () => state.openId, view: () => state.view, moveTo, size: room, covered: refresh, say, announce: facts.announce },
    editor,
    rulers,
    sketch,
    send: (asked) => tell("point", { case: state.openId, ...asked }),
    sendCover: (area) => tell("cover", { case: state.openId, ...area }),
  });
  const versions = openVersions(root, { openId: () => state.openId, photos: () => state.photos, photo, editor, rulers, pieces, toolbox, changed: refresh, whenOpen: (act) => { if (opening) arriving = arriving.then(act).catch(reportError); else act(); } }); // at once where it can be: what is brought back is one step with the cards'

  /** Say something of what the reader has done: a word, on the photo and to those who do not see it; "hand", where the keyboard's hand is. */
  function say(what, at) {
    facts.say(what, at, photo(), maskShown());
    if (what !== "hand") note.show(what, at);
  }

  /** Tell the server, and the page's other parts. */
  function tell(event, entry) {
    stage.dispatchEvent(new CustomEvent("viewer-tells", { detail: entry, bubbles: true })); // first: the review adds which stored case it is of
    trigger(event, entry);
  }

  // ---- what comes from the server

  async function receive(value) {
    if (isLate(value?.case ?? null)) return;
    const turn = ++arrival;
    const photos = value?.photos ?? [];
    const first = value?.case !== state.openId;
    const analysed = photos.some((one) => one.levels) && !state.photos.some((one) => one.model);
    root.toggleAttribute("data-arriving", first && photos.length > 0); // nobody reads one case's answers beside another's photo
    const known = new Map(!first ? state.photos.map((one) => [one.id, one]) : []);
    let opened;
    try {
      opened = await Promise.all(photos.map((one) => openPhoto(one, known.get(one.id), value.others ?? [])));
    } catch {
      root.dataset.state = "failed";
      root.removeAttribute("data-arriving");
      return;
    }
    if (turn !== arrival) return; // a later value overtook this one
    if (first) {
      flush(); // what was drawn in the case before
      toolbox.leave();
      editor.forget();
      rulers.forget();
      pieces.forget();
      display.forget();
    }
    root.removeAttribute("data-arriving");
    state.photos = opened;
    state.openId = value?.case ?? null;
    journal.open(state.openId);
    editor.setLabels((value?.labels ?? []).map((label, number) => ({ ...label, look: lookOfLabel(label.colour, number) })));
    editor.restore(opened, value?.own, !first && value?.restore !== state.restore);
    rulers.restore(opened, value?.rulers, !first && value?.restore !== state.restore);
    pieces.restore(opened, value?.remarks, !first && value?.restore !== state.restore);
    pieces.ask(Boolean(value?.apart));
    state.restore = value?.restore;
    ownThreshold = value?.threshold ?? 0.5;
    if (first || analysed) marking.setThreshold(ownThreshold);
    root.toggleAttribute("data-synthetic", Boolean(value?.synthetic));
    const unreadable = opened.some((one) => !one.readable);
    root.toggleAttribute("data-unreadable", unreadable);
    const editable = Boolean(value?.editable);
    versions.allow({ editable: editable && !unreadable, coverable: editable }); // a mask that begins with pixels read falsely would be saved
    if (unreadable && first) facts.say("unreadable");
    askServer();
    root.dataset.state = opened.length ? "photo" : value?.text_only ? "text" : "empty";
    tellMissing(value?.missing ?? 0);
    if (!editable || (unreadable && toolbox.name !== "cover")) toolbox.choose("view");
    if (opened.length) show(first ? 0 : Math.min(state.current, opened.length - 1), first);
    else {
      alone.set(false);
      redraw();
    }
    strip.draw();
    afterChange();
    makeReady(opened);
    if (first) stage.dispatchEvent(new CustomEvent("viewer-opened", { bubbles: true }));
  }

  /** Say beside the photo how many of the case's photos there are, where some could not be opened. */
  function tellMissing(missing) {
    const line = find("missing");
    line.hidden = !missing;
    line.querySelector("[data-there]").textContent = String(state.photos.length);
    line.querySelector("[data-all]").textContent = String(state.photos.length + missing);
  }

  /** Take the maps that have come of an analysis under way; view, threshold, strokes and history stay, and what is not seen draws nothing. */
  async function take(lines) {
    const [found, ...maps] = lines.trim().split("\n").map((line) => JSON.parse(line));
    if (found.case !== state.openId) return;
    const levels = new Map(maps.map((one) => [one.photo, one.levels]));
    const last = maps.some((one) => one.last);
    const photos = state.photos;
    const analysed = !photos.some((one) => one.model);
    const before = photo()?.model;
    await Promise.all(photos.map((one) => openLevels(one, levels.get(one.name) ?? (last ? null : one.levelsSrc))));
    if (photos !== state.photos) return; // the case has changed meanwhile
    ownThreshold = found.threshold;
    if (analysed && photos.some((one) => one.model)) marking.setThreshold(ownThreshold);
    if (!photos.length) root.dataset.state = "text";
    askServer();
    if (photo()?.model !== before) refresh();
    strip.follow();
    makeReady(photos);
  }

  // Have the server say what cannot be read here, of photos with something to say.
  function askServer() {
    const names = state.photos.filter((one) => !one.readable && (one.levelsSrc || editor.layerOf(one))).map((one) => one.name);
    if (names.length) tell("facts", { case: state.openId, photos: names });
  }

  function takeReply(reply) {
    if (!reply || reply.case !== state.openId) return;
    for (const served of reply.photos) {
      const one = state.photos.find((other) => other.name === served.photo && !other.readable);
      if (one) takeServed(one, served);
    }
    refresh();
  }

  function makeReady(photos) {
    for (const one of photos) whenIdle(() => one.model?.setLevel(levelOf(state.threshold))); // so that switching to it costs a frame
  }

  // ---- the layers of the photo shown

  function editorOf(label) {
    const find = label.id ? () => null : modelMask; // the model finds the first label alone
    const reachLabel = (one) => {
      editor.choose(label.id);
      return reach(one);
    };
    return new Editor({ label, photo, modelMask: find, journal, openId: () => state.openId, reach: reachLabel, part, redraw, changed: (one) => changed(one, label.id), say });
  }

  /** Another label is in hand: nothing half drawn goes with it. */
  function labelChosen() {
    toolbox.leave();
    note.hide();
    refresh();
    facts.announce(nameOf(editor.label));
  }

  function nameOf({ name }) {
    return name?.[document.documentElement.dataset.language === "zh" ? "zh" : "en"] ?? word("own");
  }

  /** The reader's mask of a photo as it is drawn: of an earlier version while one is looked at. */
  function ownLayer(one, id = editor.id) {
    return versions.looking ? versions.layerOf(one, id) : editor.all.get(id).layerOf(one);
  }

  /** Others' outlines of the label in hand: that is what is compared. */
  const othersOf = (one) => one.others.filter(({ label }) => label === editor.id);

  /** What is drawn of a photo, see scene.mjs. */
  function sources(one) {
    const labels = editor.others.flatMap(([{ id, look }]) => {
      const layer = ownLayer(one, id);
      return layer ? [{ name: nameOfLayer(id), look, layer }] : [];
    });
    return { model: one.model, own: ownLayer(one), others: othersOf(one), label: editor.label, labels };
  }

  /** The reader's mask of a photo as it is drawn, null where it has none. */
  function ownMask(one) {
    if (versions.looking) return versions.layerOf(one)?.mask ?? null;
    const own = editor.first.own(one); // what is said of lesions is said of the first label
    return own?.exists ? own.data : null;
  }

  function presence() {
    const one = photo();
    if (!one) return { model: false, beside: false, own: [], others: [] };
    const own = editor.labels.filter(({ id }) => ownLayer(one, id)).map((label) => [nameOfLayer(label.id), nameOf(label), label.look ?? OWN]);
    return { model: Boolean(one.model), beside: editor.id !== "" || Boolean(ownLayer(one)), own, others: othersOf(one).map(({ reader, number }) => [reader, number]) };
  }

  function modelMask({ hidden = false } = {}) {
    const model = photo()?.model;
    return model && (hidden || legend.shown("model")) ? model.mask(levelOf(state.threshold)) : null;
  }

  /** The outline of a photo's thumbnail: the reader's, else the model's. */
  function outlineOf(one, step) {
    const own = ownLayer(one, "");
    if (own) return { path: own.outline(step), look: editor.labels[0].look ?? OWN };
    one.model?.setLevel(levelOf(state.threshold));
    return one.model ? { path: one.model.outline(step), look: MODEL } : null;
  }

  /** The mask that facts are told of: the reader's, or the model's. */
  function maskShown() {
    const own = photo() && !versions.looking && editor.own();
    return own?.exists ? own.data : editor.id ? null : modelMask({ hidden: true });
  }

  /** What lies on the canvas or says how it is seen goes with what was drawn. */
  function drawn(one) {
    if (one) {
      sketch.place(state.view);
      drawRulers(find("rulers"), one, rulers.of(one), rulers.scale(one), state.view);
      pieces.draw((point) => toWindow(state.view, point));
      detail.follow();
      second.draw();
      note.draw();
    }
    find("zoom-value").textContent = one ? `${Math.round((100 * state.view.scale * one.width) / one.fullWidth)}%` : "";
  }

  function setPrinting(printing) {
    state.printing = printing;
    painter.drawNow(); // the page is put on paper as it is when this returns
  }

  // ---- what the reader does

  function changed(one, label) {
    toolbox.settled();
    note.hide();
    const own = editor.all.get(label).own(one);
    const openId = state.openId;
    const { marks } = editor.all.get(label).state(one);
    outbox.note(keyOf(one.name, label), () => ({ case: openId, photo: one.name, ...(label && { label }), width: one.width, height: one.height, runs: own.toRuns(), clicks: marks, cleared: own.exists && own.area === 0, edits: own.edits }));
    if (!label) pieces.follow(one);
    refresh();
  }

  /** The comments on the lesions of a photo have changed. */
  function remarked(one) {
    const openId = state.openId;
    outbox.note(`remarks ${one.name}`, () => ({ case: openId, photo: one.name, comments: pieces.remarks.written(one) }));
    offerUndo();
  }

  /** What is measured in a photo has changed. */
  function measured(one) {
    const openId = state.openId;
    outbox.note(`ruler ${one.name}`, () => ({ case: openId, photo: one.name, ruler: rulers.written(one) }));
    toolbox.measured();
    refresh();
  }

  /** Show a photo of the case; returns it, or null where the case has no photo of that name. */
  function reach({ name }) {
    const number = state.photos.findIndex((one) => one.name === name);
    if (number >= 0 && number !== state.current) show(number);
    return state.photos[number] ?? null;
  }

  /** Send what rests, and what is typed. */
  function flush() {
    pieces.flush();
    outbox.flush();
  }

  /** The masks, or which of them are drawn, have changed. */
  function refresh() {
    redraw();
    afterChange();
  }

  // Everything beside the canvas that tells of the masks.
  function afterChange() {
    offerUndo();
    find("take").setAttribute("aria-disabled", String(!photo()?.model || editor.id !== ""));
    labels.draw();
    legend.show();
    if (compare.on) compare.offer();
    second.offer();
    strip.follow();
    pieces.show();
    tellFacts();
  }

  function offerUndo() {
    find("undo").setAttribute("aria-disabled", String(!journal.past.length));
    find("redo").setAttribute("aria-disabled", String(!journal.future.length));
  }

  /** Facts and thumbnails go with the threshold. */
  function thresholdMoved() {
    tellFacts();
    strip.follow();
  }

  function tellFacts() {
    const one = photo();
    const further = editor.id !== "";
    if (one) facts.tell(one, { own: !versions.looking && editor.own()?.exists ? editor.own() : null, ...(further && { model: null, further }), level: levelOf(state.threshold), scale: rulers.scale(one) });
  }

  function show(number, refit = false) {
    if (!state.photos.length) return;
    const before = photo();
    const next = (number + state.photos.length) % state.photos.length;
    if (next !== state.current) {
      toolbox.leave();
      flush();
    }
    state.current = next;
    if (refit || before !== photo()) note.hide(); // a late answer leaves what was just said
    display.show();
    toolbox.fitTo(photo());
    if (refit || before !== photo()) fitPhoto();
    strip.mark();
    afterChange();
    redraw();
  }

  function fitPhoto() {
    state.view = photo() ? fitted() : null;
    state.fitted = true;
    redraw();
  }

  function arrived(one) {
    if (one !== photo()) return;
    display.paint();
    redraw();
  }

  function turnPhoto(turn) {
    if (state.fitted) fitPhoto();
    else moveTo(turnAt(state.view, turn, { x: room().width / 2, y: room().height / 2 }));
  }

  function moveTo(view) {
    if (!photo()) return;
    state.view = keepInside(view, photo(), room());
    state.fitted = false;
    redraw();
  }

  function centre(at) {
    moveTo({ ...state.view, x: state.view.x + room().width / 2 - at.x, y: state.view.y + room().height / 2 - at.y });
  }

  function zoom(factor, point) {
    if (!photo()) return;
    moveTo(zoomAt(state.view, factor, point ?? { x: room().width / 2, y: room().height / 2 }, least(), most()));
  }

  // ---- wiring

  const glide = openGlide(zoom);
  find("zoom-in").addEventListener("click", () => glide(1.25));
  find("zoom-out").addEventListener("click", () => glide(1 / 1.25));
  find("fit").addEventListener("click", fitPhoto);
  find("undo").addEventListener("click", () => journal.undo());
  find("redo").addEventListener("click", () => journal.redo());
  journal.guard(() => editor.busy);
  journal.follow(offerUndo);
  for (const name of ["holes", "smooth", "grow", "shrink", "take", "clear"]) find(name).addEventListener("click", () => editor.change(name));
  followRail(find("rail"));
  followGestures(stage, { view: () => state.view, moveTo, zoom, fit: fitPhoto, least, most, tool: toolbox.inHand, eraser: toolbox.eraser, hover: toolbox.hover });
  new ResizeObserver(() => (state.fitted ? fitPhoto() : moveTo(state.view))).observe(stage);
  const alone = openAlone(root, { photo: () => Boolean(photo()), keys: () => keys, moved: redraw });
  const keys = followKeys(stage, toolbox, {
    open: () => Boolean(photo()),
    setHidden: marking.setHidden,
    nextMode: () => marking.stepMode(1),
    fit: fitPhoto,
    zoom: glide,
    go: (step) => show(state.current + step),
    compare: compare.toggle,
    nextLabel: () => editor.next(),
    isLabel: (key) => editor.several && editor.labels.some((label) => label.key === key),
    chooseLabel(key) {
      const label = editor.several && editor.labels.find((one) => one.key === key);
      if (label) editor.choose(label.id);
      return Boolean(label);
    },
    second: second.toggle,
    display,
    alone,
  });
  stage.addEventListener("pointerdown", note.hide, { capture: true });
  onLanguage(() => {
    note.draw();
    afterChange();
  });
  window.addEventListener("beforeprint", () => setPrinting(true));
  window.addEventListener("afterprint", () => setPrinting(false));
  for (const [where, event] of [[window, "pagehide"], [document, "visibilitychange"]]) where.addEventListener(event, flush);

  // What tests and the page's other parts may ask: the masks that are drawn, where they are drawn, and the state.
  stage.viewer = {
    state,
    labels: editor,
    heat: () => photo() && heatOf(photo()),
    tools: toolbox,
    mask: () => (photo()?.model ? { width: photo().width, height: photo().height, data: modelMask({ hidden: true }) } : null),
    own: () => (editor.own()?.exists ? { width: photo().width, height: photo().height, data: editor.own().data } : null),
    flush,
    show,
    drawNow: painter.drawNow,
    toWindow: (point) => toWindow(state.view, point),
  };
  let arriving = Promise.resolve();
  let opening = null; // the photos that are on their way
  function open(value) {
    const photos = (arriving = opening = receive(value));
    const shown = () => { if (opening === photos) opening = null; };
    photos.then(shown, shown);
  }
  // The answer to a cover comes in the value that brings the photo anew, so that nobody is told of the one before.
  function hearCover(reply, { case: openId, photos = [] } = {}) {
    const number = photos.findIndex((one) => one.name === reply.photo);
    const { src, fullWidth, fullHeight } = photos[number] ?? {};
    toolbox.coverAnswered(reply, (asked) => src === asked.src);
    stage.dispatchEvent(new CustomEvent("viewer-covered", { detail: { ...reply, case: openId, number, src, fullWidth, fullHeight }, bubbles: true }));
  }
  watch("value", () => {
    const value = props.value;
    // a cover that is answered after another case was opened does not bring its own back
    if (!value?.covered || value.case === state.openId) open(value);
    if (value?.covered) arriving = arriving.then(() => hearCover(value.covered, value));
  });
  watch("found", () => { arriving = arriving.then(() => props.found && take(props.found)).catch(() => { root.dataset.state = "failed"; }); }); // after its photos
  watch("point_reply", () => toolbox.answer(props.point_reply));
  watch("cover_failed", () => props.cover_failed && hearCover({ ...props.cover_failed, covered: false }, props.value));
  watch("served", () => { arriving = arriving.then(() => takeReply(props.served)); });
  open(props.value);
}

function whenIdle(callback) {
  if (window.requestIdleCallback) window.requestIdleCallback(callback);
  else setTimeout(callback, 200);
}
