// The bar under the cards: flag, notes, reveal, done. Tells the server of them once they rest, and shows what was saved.

import { whenRested } from "../cards/cards.mjs";
import { journal } from "../frame/keys/journal.mjs";
import { onKey } from "../frame/keys/keyboard.mjs";
import { pageState } from "../frame/page_state.mjs";
import { followOpenings } from "../frame/openings.mjs";
import { followShiftKeys, hearSaved, relabel, sendRest, unsaved } from "./saving/review_line.mjs";
import { mountVersions } from "./versions.mjs";
import { onLanguage, readWords } from "../frame/words.mjs";

const REST = 400; // milliseconds

export function mountReview(element, { props, watch, trigger }) {
  const root = element.querySelector("#review");
  const find = (name) => root.querySelector(`#review-${name}`);
  const word = readWords(root);
  const choices = [...new Set([...root.querySelectorAll("[data-choice]")].map((button) => button.dataset.choice))];
  const choicesOf = (from) => Object.fromEntries(choices.map((name) => [name, from[name] ?? null]));
  const state = { case: null, flagged: false, unusable: [], photos: [], saved: {}, seconds: 0, since: performance.now(), finishing: null };
  const isLate = followOpenings();
  const touched = new Set(); // fields changed since they were sent last
  const line = whenRested(REST, (payload) => {
    touched.clear();
    trigger("note", unsaved.note(payload.case, "note", payload));
  });

  // ---- time with the case in view

  function seconds() {
    if (!document.hidden) state.seconds += (performance.now() - state.since) / 1000;
    state.since = performance.now();
    return Math.round(state.seconds * 10) / 10;
  }

  // ---- what comes from the server

  function receive(value) {
    const id = value?.case ?? null;
    if (isLate(id)) return;
    root.hidden = id === null;
    document.querySelector("#cards-panel")?.classList.toggle("has-review", id !== null || Boolean(value?.keep));
    if (id === null) {
      versions.close();
      line.drop();
      unsaved.close();
      state.case = null;
      return;
    }
    if (id !== state.case) {
      versions.close();
      line.flush();
      dropAsked();
      const { flagged, unusable, photos } = value;
      Object.assign(state, { case: id, flagged, ...choicesOf(value), unusable: [...unusable], photos, seconds: value.seconds, since: performance.now(), saved: {}, finishing: null });
      find("comment").value = value.comment;
      find("readings").setAttribute("aria-pressed", "false");
      const left = unsaved.open({ ...value.stored, mode: value.mode, case: id, saved: value.saved });
      if (left) trigger("restore", { case: id, of: unsaved.of(id), parts: left });
    }
    state.mode = value.mode;
    state.seesAll = value.may.includes("see every review");
    receiveSaved(value.saved);
  }

  function receiveSaved(saved) {
    if (!saved) return;
    hearSaved(saved);
    if (unsaved.isBehind(state.case)) trigger("again", { case: state.case, of: unsaved.of(state.case), parts: [] });
    if (saved.case !== state.case) return; // it came late, of the case before
    const known = (state.saved.history ?? []).filter(({ number }) => !saved.history.some((version) => version.number === number));
    if (saved.state === "done") dropAsked();
    if (state.finishing && saved.state === "done") {
      const { anyway } = state.finishing;
      state.finishing = null;
      journal.push(state.case, { undo: reopen, redo: () => sendFinish(anyway) });
    }
    state.saved = { ...saved, history: [...known, ...saved.history].sort((first, second) => second.number - first.number) };
    draw();
  }

  // ---- what is drawn

  function draw() {
    const { kind, state: stands, changes, history } = state.saved;
    const done = stands === "done";
    const leftOpen = done ? (history[0]?.missing ?? 0) : 0;
    root.dataset.kind = kind === "assisted" && state.mode === "unaided" ? "unaided" : kind;
    root.dataset.state = stands;
    find("flag").setAttribute("aria-pressed", String(state.flagged));
    for (const button of root.querySelectorAll("[data-choice]")) button.setAttribute("aria-checked", String(button.dataset.value === state[button.dataset.choice]));
    find("photos-field").hidden = !state.photos.length;
    drawPhotos();
    find("left-open").hidden = !leftOpen;
    root.querySelector("[data-left-open]").textContent = String(leftOpen);
    find("outlines").hidden = done || !state.saved.outlines;
    root.querySelector("[data-outlines]").textContent = String(state.saved.outlines ?? 0);
    find("reveal").hidden = !(["blind", "compared"].includes(kind) && done && !leftOpen);
    find("finish").hidden = done;
    find("next").hidden = !done;
    find("readings").hidden = !(state.seesAll || history.some((version) => version.state === "done" && !version.missing));
    find("notes").classList.toggle("is-used", Boolean(find("comment").value || choices.some((name) => state[name]) || state.unusable.length));
    const changed = find("changes");
    changed.hidden = !changes;
    if (changes) {
      for (const count of changed.querySelectorAll("[data-changes]")) count.textContent = String(changes[count.dataset.changes] ?? "");
      changed.classList.toggle("no-reference", changes.right_to_wrong === null);
      changed.classList.toggle("no-outlines", !changes.outlines);
    }
    find("history-count").textContent = String(history.length);
    find("history").hidden = !history.length;
    find("history-list").replaceChildren(...history.map(drawSaved));
    document.documentElement.style.setProperty("--review-bar", `${root.offsetHeight}px`);
  }

  /** Boxes of the same photos stay as they are: one of them may have the focus. */
  function drawPhotos() {
    const list = find("photos");
    const boxes = [...list.querySelectorAll("input")];
    if (boxes.map((box) => box.dataset.photo).join("\n") !== state.photos.join("\n")) list.replaceChildren(...state.photos.map(drawPhoto));
    for (const [number, box] of list.querySelectorAll("input").entries()) {
      box.checked = state.unusable.includes(box.dataset.photo);
      box.nextSibling.textContent = `${word("photo")} ${number + 1}`;
    }
  }

  function drawPhoto(name) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox" });
    box.dataset.photo = name;
    label.title = name;
    label.append(box, document.createTextNode(""));
    return label;
  }

  function drawSaved(version, index) {
    const item = document.createElement("li");
    const when = new Date(version.at).toLocaleString(document.documentElement.lang || "en", { dateStyle: "short", timeStyle: "medium" });
    const open = version.missing ? `, ${version.missing} ${word("open")}` : "";
    const what = `${word(version.kind)}, ${word(version.state)}${open}${version.again ? ` (${word("again")} ${version.again})` : ""}`;
    item.append(Object.assign(document.createElement("span"), { textContent: `${version.number} · ${when} · ${what}` }));
    if (index === 0) item.append(Object.assign(document.createElement("em"), { textContent: word("newest") }));
    else {
      const look = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: word("look") });
      look.dataset.look = version.number;
      item.append(look);
    }
    return item;
  }

  // ---- what the reader does

  function tell(field) {
    if (state.case === null) return;
    dropAsked();
    touched.add(field);
    const { flagged, unusable } = state;
    line.say({ case: state.case, comment: find("comment").value, flagged, ...choicesOf(state), unusable: [...unusable], seconds: seconds(), touched: [...touched] });
    draw();
  }

  /** Take what was noted in another tab. */
  function takeOver({ comment, flagged = state.flagged, unusable = {}, ...others }) {
    if (comment !== undefined) find("comment").value = comment;
    Object.assign(state, { ...others, flagged, unusable: state.photos.filter((name) => unusable[name] ?? state.unusable.includes(name)) });
    draw();
  }

  /** Change flag, a choice or unusable photos, as one step that can be undone. field: what it is to the server, by itself the same. */
  function change(marks, field = null) {
    const before = Object.fromEntries(Object.keys(marks).map((name) => [name, state[name]]));
    const put = (back) => {
      Object.assign(state, back);
      for (const name of Object.keys(back)) tell(field ?? name);
    };
    const turn = (back, from) => () => {
      if (Object.keys(from).some((name) => String(state[name]) !== String(from[name]))) return false; // another tab has changed it
      put(back);
    };
    put(marks);
    journal.push(state.case, { undo: turn(before, marks), redo: turn(marks, before) });
  }

  function flag() {
    if (state.case !== null && !versions.looking()) change({ flagged: !state.flagged });
  }

  function showNotes(open = find("drawer").hidden) {
    if (state.case === null) return;
    find("drawer").hidden = !open;
    find("notes").setAttribute("aria-expanded", String(open));
    draw();
    (open ? find("comment") : find("notes")).focus(); // a field that is put away must not keep the keys
  }

  /** Take flag, choices, unusable photos and comment of a version that was brought back. */
  function take({ flagged, unusable, comment, ...others }) {
    const before = { flagged: state.flagged, ...choicesOf(state), unusable: state.unusable, comment: find("comment").value };
    const put = (marks, tells) => {
      Object.assign(state, { flagged: marks.flagged, ...choicesOf(marks), unusable: [...marks.unusable] });
      find("comment").value = marks.comment;
      if (tells) for (const field of ["comment", "flagged", ...choices, ...state.photos.map((name) => `unusable ${name}`)]) tell(field);
      else draw();
    };
    const after = { flagged, ...choicesOf(others), unusable, comment };
    put(after, false); // the server has it
    journal.push(state.case, { undo: () => put(before, true), redo: () => put(after, true) });
  }

  const versions = mountVersions(root, { props, watch, trigger, word, choices, openId: () => state.case, number: (which) => state.saved.history?.length - state.saved.history?.findIndex((one) => one.number === which), take });

  function finish() {
    if (versions.looking() || state.case === null || find("finish").hidden) return;
    const anyway = state.asked?.map(({ id }) => id) ?? [];
    state.finishing = { anyway };
    sendFinish(anyway);
  }

  function sendFinish(anyway) {
    const heard = sendRest(state.case);
    trigger("finish", { case: state.case, of: unsaved.of(state.case), heard, seconds: seconds(), anyway, parts: unsaved.waiting(state.case) });
  }

  // ---- what is still open, named before the case is finished without it

  function receiveAsks(asks) {
    if (!asks || asks.case !== state.case) return;
    state.asked = asks.missing;
    drawAsked();
    find("finish").focus({ preventScroll: true });
  }

  function dropAsked() {
    if (!state.asked) return;
    state.asked = null;
    drawAsked();
  }

  function drawAsked() {
    const asked = state.asked ?? [];
    root.toggleAttribute("data-asks", asked.length > 0);
    find("asks").hidden = !asked.length;
    root.querySelector("[data-asked]").textContent = String(asked.length);
    find("asks-list").replaceChildren(...asked.map(drawMissing));
    document.documentElement.style.setProperty("--review-bar", `${root.offsetHeight}px`);
  }

  function drawMissing({ id, title, number, label, tied }) {
    const item = document.createElement("li");
    const language = document.documentElement.dataset.language ?? "en";
    if (!title) {
      const photo = number ? `${word("photo")} ${number}` : id;
      item.textContent = label ? `${photo}: ${label[language]}` : photo;
      return item;
    }
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: `${tied ? "= " : ""}${title[language]}` });
    button.dataset.family = id;
    item.append(button);
    return item;
  }

  /** Take Done back; a change has done so already where the reading goes on. */
  function reopen() {
    if (state.saved.state !== "done") return false;
    const heard = sendRest(state.case);
    trigger("reopen", { case: state.case, of: unsaved.of(state.case), heard, seconds: seconds() });
  }

  function reveal() {
    if (state.case !== null && !versions.looking() && !find("reveal").hidden) trigger("reveal", { case: state.case, of: unsaved.of(state.case), system: pageState.system });
  }

  function compare() {
    if (state.case === null) return;
    const open = find("readings").getAttribute("aria-pressed") !== "true";
    find("readings").setAttribute("aria-pressed", String(open));
    trigger("compare", { case: state.case, of: unsaved.of(state.case), open });
  }

  find("flag").addEventListener("click", flag);
  find("notes").addEventListener("click", () => showNotes());
  find("finish").addEventListener("click", finish);
  find("next").addEventListener("click", () => document.dispatchEvent(new CustomEvent("review-next")));
  find("reveal").addEventListener("click", reveal);
  find("go-on").addEventListener("click", dropAsked);
  find("asks-list").addEventListener("click", (event) => {
    const card = document.querySelector(`#card-${event.target.closest("[data-family]")?.dataset.family.toLowerCase()}`);
    card?.scrollIntoView({ block: "center" });
    card?.querySelector(".row")?.focus({ preventScroll: true });
  });
  onKey(root, ({ key }) => key === "Escape" && dropAsked());
  document.addEventListener("cards-tell", ({ detail }) => detail.event === "answers" && dropAsked()); // what was asked is not so any more
  document.addEventListener("viewer-tells", ({ detail }) => "runs" in detail && dropAsked());
  find("readings").addEventListener("click", compare);
  find("comment").addEventListener("input", () => tell("comment"));
  onKey(find("comment"), ({ key }) => key === "Escape" && showNotes(false));
  for (const button of root.querySelectorAll("[data-choice]")) {
    const { choice, value } = button.dataset;
    button.addEventListener("click", () => {
      change({ [choice]: state[choice] === value ? null : value });
    });
  }
  find("photos").addEventListener("change", (event) => {
    change({ unusable: state.photos.filter((name) => (name === event.target.dataset.photo ? event.target.checked : state.unusable.includes(name))) }, `unusable ${event.target.dataset.photo}`);
  });
  find("history-list").addEventListener("click", (event) => {
    const number = Number(event.target.closest("[data-look]")?.dataset.look);
    if (number) versions.look(number);
  });
  followShiftKeys({ D: finish, F: flag, C: () => showNotes(), R: reveal });
  document.addEventListener("review-rest", line.flush);
  document.addEventListener("review-again", ({ detail }) => trigger("again", detail));
  document.addEventListener("review-merged", ({ detail }) => detail.case === state.case && takeOver(detail.note));
  document.addEventListener("readings-closed", () => find("readings").setAttribute("aria-pressed", "false"));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) line.flush();
    else state.since = performance.now();
  });
  window.addEventListener("pagehide", line.flush);
  find("history").addEventListener("toggle", () => draw());
  onLanguage(() => {
    relabel(root);
    if (state.case !== null) draw();
    drawAsked();
  });
  relabel(root);
  watch("value", () => receive(props.value));
  watch("saved", () => receiveSaved(props.saved));
  watch("asks", () => receiveAsks(props.asks));
  receive(props.value);
}
