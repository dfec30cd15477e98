// The bar under the cards: flag, notes, reveal, done. Tells the server of them once they rest, and shows what was saved.

import { whenRested } from "./cards.mjs";
import { followShiftKeys, relabel, sendRest, unsaved } from "./review_line.mjs";
import { onLanguage, readWords } from "./viewer/words.mjs";

const REST = 400; // milliseconds

export function mountReview(element, { props, watch, trigger }) {
  const root = element.querySelector("#review");
  const find = (name) => root.querySelector(`#review-${name}`);
  const word = readWords(root);
  const state = { case: null, flagged: false, difficulty: null, unusable: [], photos: [], saved: {}, seconds: 0, since: performance.now() };
  const line = whenRested(REST, (told) => {
    unsaved.note(told.case, "note", told);
    trigger("note", told);
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
    root.hidden = id === null;
    document.querySelector("#cards-panel")?.classList.toggle("has-review", id !== null || Boolean(value?.keep));
    if (id === null) {
      line.drop();
      unsaved.close();
      state.case = null;
      return;
    }
    if (id !== state.case) {
      line.flush();
      const { flagged, difficulty, unusable, photos } = value;
      Object.assign(state, { case: id, flagged, difficulty, unusable: [...unusable], photos, seconds: value.seconds, since: performance.now(), saved: {} });
      find("comment").value = value.comment;
      find("readings").setAttribute("aria-pressed", "false");
      const left = unsaved.open({ ...value.place, case: id });
      if (left) trigger("restore", { case: id, parts: Object.values(left) });
    }
    state.mode = value.mode;
    state.adjudicator = value.adjudicator;
    receiveSaved(value.saved);
  }

  function receiveSaved(saved) {
    if (!saved || saved.case !== state.case) return;
    const known = (state.saved.history ?? []).filter(({ number }) => !saved.history.some((one) => one.number === number));
    state.saved = { ...saved, history: [...known, ...saved.history].sort((one, other) => other.number - one.number) };
    unsaved.confirm(saved.case, saved.heard);
    draw();
  }

  // ---- what is drawn

  function draw() {
    const { kind, state: stands, changes, history } = state.saved;
    const done = stands === "done";
    root.dataset.kind = kind === "assisted" && state.mode === "unaided" ? "unaided" : kind;
    root.dataset.state = stands;
    find("flag").setAttribute("aria-pressed", String(state.flagged));
    for (const button of root.querySelectorAll("[data-difficulty]")) button.setAttribute("aria-checked", String(button.dataset.difficulty === state.difficulty));
    find("photos-field").hidden = !state.photos.length;
    find("photos").replaceChildren(...state.photos.map(drawPhoto));
    find("reveal").hidden = !(kind === "blind" && done);
    find("finish").hidden = done;
    find("next").hidden = !done;
    find("readings").hidden = !(state.adjudicator || history.some((one) => one.state === "done"));
    find("notes").classList.toggle("is-used", Boolean(find("comment").value || state.difficulty || state.unusable.length));
    const changed = find("changes");
    changed.hidden = !changes;
    if (changes) {
      for (const place of changed.querySelectorAll("[data-changes]")) place.textContent = String(changes[place.dataset.changes] ?? "");
      changed.classList.toggle("no-reference", changes.right_to_wrong === null);
      changed.classList.toggle("no-outlines", !changes.outlines);
    }
    find("history-count").textContent = String(history.length);
    find("history").hidden = !history.length;
    find("history-list").replaceChildren(...history.map(drawSaved));
    document.documentElement.style.setProperty("--review-bar", `${root.offsetHeight}px`);
  }

  function drawPhoto(name, place) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: state.unusable.includes(name) });
    box.dataset.photo = name;
    label.title = name;
    label.append(box, `${word("photo")} ${place + 1}`);
    return label;
  }

  function drawSaved(one, place) {
    const item = document.createElement("li");
    const when = new Date(one.at).toLocaleString(document.documentElement.lang || "en", { dateStyle: "short", timeStyle: "medium" });
    const what = `${word(one.kind)}, ${word(one.state)}${one.again ? ` (${word("again")} ${one.again})` : ""}`;
    item.append(Object.assign(document.createElement("span"), { textContent: `${one.number} · ${when} · ${what}` }));
    if (place === 0) item.append(Object.assign(document.createElement("em"), { textContent: word("newest") }));
    else {
      const back = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: word("back") });
      back.dataset.back = one.number;
      item.append(back);
    }
    return item;
  }

  // ---- what the reader does

  function tell() {
    if (state.case === null) return;
    const { flagged, difficulty, unusable } = state;
    line.say({ case: state.case, comment: find("comment").value, flagged, difficulty, unusable: [...unusable], seconds: seconds() });
    draw();
  }

  function flag() {
    if (state.case === null) return;
    state.flagged = !state.flagged;
    tell();
  }

  function showNotes(open = find("drawer").hidden) {
    if (state.case === null) return;
    find("drawer").hidden = !open;
    find("notes").setAttribute("aria-expanded", String(open));
    draw();
    (open ? find("comment") : find("notes")).focus(); // a field that is put away must not keep the keys
  }

  function finish() {
    if (state.case === null || find("finish").hidden) return;
    const heard = sendRest(state.case);
    trigger("finish", { case: state.case, heard, seconds: seconds() });
  }

  function reveal() {
    if (state.case !== null && !find("reveal").hidden) trigger("reveal", { case: state.case });
  }

  function compare() {
    if (state.case === null) return;
    const open = find("readings").getAttribute("aria-pressed") !== "true";
    find("readings").setAttribute("aria-pressed", String(open));
    trigger("compare", { case: state.case, open });
  }

  find("flag").addEventListener("click", flag);
  find("notes").addEventListener("click", () => showNotes());
  find("finish").addEventListener("click", finish);
  find("next").addEventListener("click", () => document.dispatchEvent(new CustomEvent("review-next")));
  find("reveal").addEventListener("click", reveal);
  find("readings").addEventListener("click", compare);
  find("comment").addEventListener("input", tell);
  find("comment").addEventListener("keydown", (event) => event.key === "Escape" && showNotes(false));
  for (const button of root.querySelectorAll("[data-difficulty]")) {
    button.addEventListener("click", () => {
      state.difficulty = state.difficulty === button.dataset.difficulty ? null : button.dataset.difficulty;
      tell();
    });
  }
  find("photos").addEventListener("change", (event) => {
    state.unusable = state.photos.filter((name) => (name === event.target.dataset.photo ? event.target.checked : state.unusable.includes(name)));
    tell();
  });
  find("history-list").addEventListener("click", (event) => {
    const number = Number(event.target.closest("[data-back]")?.dataset.back);
    if (!number) return;
    sendRest(state.case);
    trigger("back", { case: state.case, number });
  });
  followShiftKeys({ D: finish, F: flag, C: () => showNotes(), R: reveal });
  document.addEventListener("review-rest", line.flush);
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
  });
  relabel(root);
  watch("value", () => receive(props.value));
  watch("saved", () => receiveSaved(props.saved));
  receive(props.value);
}
