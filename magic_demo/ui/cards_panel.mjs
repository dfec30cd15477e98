// The nine cards on the page: shows what the model says, takes the reader's answers, and tells the server of them once they rest.
//
// Nothing here waits for the server: a click is drawn at once. The value that comes (see cards.py) brings a case and what the models say
// of it; answers of the same case stay as the reader has them.

import { agreeWithRest, choose, countStandings, keyOf, nextToSee, optionOf, shownOptions, standing, whenRested, writeShare } from "./cards.mjs";

const REST = 300; // milliseconds
const FOLDED = { most: 8, room: 5 }; // options a card shows
const isField = (target) => target.closest?.("input:not([type=range]), textarea, select, [contenteditable=true]");

export function mountCards(element, { props, watch, trigger }) {
  const root = element.querySelector(".cards");
  const panel = document.querySelector("#cards-panel") ?? root;
  const cards = [...root.querySelectorAll(".card")].map(readCard);
  const families = cards.map((card) => card.family);
  const agreeAll = root.querySelector("#agree-all");
  const state = { case: null, shown: "waiting", models: {}, answers: {}, specified: {}, unfolded: new Set() };
  const line = whenRested(REST, (told) => trigger("answers", told));

  const model = (id) => state.models[id]?.chosen ?? [];
  const held = (id) => state.answers[id] ?? [];
  const standings = () => families.map(({ id }) => standing(held(id), model(id)));
  const unsure = () => families.map(({ id }) => Boolean(state.models[id]?.unsure));

  // ---- what comes from the server

  function receive(value) {
    const other = (value?.case ?? null) !== state.case;
    if (other) {
      line.flush(); // what was answered belongs to the case before
      state.case = value?.case ?? null;
      state.answers = structuredClone(value?.answers ?? {});
      state.specified = { ...value?.specified };
      state.unfolded.clear();
      for (const card of cards) if (card.specify) card.input.value = state.specified[card.family.id] ?? "";
    }
    state.shown = value?.state ?? "waiting";
    state.models = value?.families ?? {};
    draw();
    if (other) panel.scrollTop = 0;
  }

  // ---- what is drawn

  function draw() {
    root.dataset.state = state.shown;
    root.toggleAttribute("data-closed", state.case === null);
    const counted = standings();
    root.classList.toggle("is-calibrated", families.some(({ id }) => state.models[id]?.calibrated));
    cards.forEach((card, place) => drawCard(card, counted[place]));
    const counts = countStandings(counted);
    for (const one of root.querySelectorAll("[data-count]")) {
      one.textContent = String(counts[one.dataset.count]);
      one.parentElement.classList.toggle("is-none", counts[one.dataset.count] === 0);
    }
    agreeAll.disabled = !families.some(({ id }, place) => counted[place] === "open" && model(id).length);
  }

  function drawCard(card, stands) {
    const { family, element: place, rows } = card;
    const says = state.models[family.id];
    const mine = held(family.id);
    place.dataset.standing = stands;
    place.classList.toggle("is-unsure", Boolean(says?.unsure));
    place.classList.toggle("is-calibrated", Boolean(says?.calibrated));
    place.classList.toggle("has-model", Boolean(says?.chosen.length));
    const shown = state.unfolded.has(family.id) ? null : shownOptions(family, says?.shares, [...new Set([...mine, ...(says?.chosen ?? [])])], FOLDED);
    const fills = family.slots > 1 && Boolean(says) && !says.chosen.includes(family.none);
    rows.forEach((row, option) => {
      const share = says?.shares?.[option];
      const filling = fills && option === family.none;
      row.setAttribute("aria-checked", String(mine.includes(option)));
      row.classList.toggle("is-model", Boolean(says?.chosen.includes(option)));
      row.classList.toggle("is-filling", filling);
      row.classList.toggle("is-folded", shown !== null && !shown.has(option));
      if (state.case === null) row.setAttribute("aria-disabled", "true");
      else row.removeAttribute("aria-disabled");
      row.querySelector(".row-bar").style.width = share === undefined || filling ? "0" : `${(share * 100).toFixed(1)}%`;
      row.querySelector(".row-score").textContent = share === undefined || filling ? "" : writeShare(share, says.calibrated);
    });
    const folded = shown === null ? 0 : family.options - shown.size;
    card.more.hidden = folded === 0;
    card.folded.textContent = String(folded);
    if (card.specify) card.specify.hidden = !card.toSpecify.some((option) => mine.includes(option));
    keepOneStop(card);
  }

  /** One row of a card is in the order of the tab key: the one in focus, else the reader's, the model's, or the first. */
  function keepOneStop(card, focused = card.rows.findIndex((row) => row === document.activeElement)) {
    const first = [focused, held(card.family.id)[0], model(card.family.id)[0], 0].find((option) => option !== undefined && option >= 0);
    card.rows.forEach((row, option) => (row.tabIndex = option === first ? 0 : -1));
  }

  // ---- what the reader does

  function answer(card, options) {
    if (state.case === null) return;
    if (card.limit) card.limit.hidden = true;
    state.answers[card.family.id] = options;
    draw();
    tell();
  }

  function tell() {
    line.say({ case: state.case, answers: structuredClone(state.answers), specified: { ...state.specified } });
  }

  function pick(card, option) {
    if (state.case === null) return;
    const { held: now, full } = choose(card.family, held(card.family.id), option);
    if (full) {
      card.limit.hidden = false;
      return;
    }
    const asks = card.toSpecify.includes(option) && now.includes(option);
    answer(card, now);
    if (asks && !card.input.value) card.input.focus();
  }

  const agree = (card) => model(card.family.id).length && answer(card, [...model(card.family.id)]);

  function agreeWithAll() {
    if (agreeAll.disabled) return;
    state.answers = agreeWithRest(families, state.answers, Object.fromEntries(families.map(({ id }) => [id, model(id)])));
    draw();
    tell();
  }

  /** Show every option of a card, and fold the others again: one is open at a time. */
  function unfold(card) {
    if (state.unfolded.has(card.family.id)) return;
    state.unfolded = new Set([card.family.id]);
    draw();
  }

  function open(place) {
    const card = cards[place];
    if (!card) return;
    focusRow(card, held(card.family.id)[0] ?? model(card.family.id)[0] ?? 0);
    card.element.scrollIntoView({ block: "nearest" });
  }

  function focusRow(card, option) {
    unfold(card);
    keepOneStop(card, option);
    card.rows[option].focus({ preventScroll: true });
    card.rows[option].scrollIntoView({ block: "nearest" });
  }

  const inFocus = () => cards.findIndex((card) => card.element.contains(document.activeElement));

  function openNext() {
    const next = nextToSee(standings(), unsure(), inFocus());
    if (next !== null) open(next);
    else document.activeElement.blur?.(); // nothing is left to see
  }

  function step(count) {
    const now = inFocus();
    open(now < 0 ? (count > 0 ? 0 : cards.length - 1) : (now + count + cards.length) % cards.length);
  }

  function ask(card, option) {
    if (!state.models[card.family.id]) return;
    const wanted = option ?? held(card.family.id)[0] ?? model(card.family.id)[0] ?? 0;
    document.dispatchEvent(new CustomEvent("magic-why", { detail: { case: state.case, family: card.family.id, option: wanted } }));
  }

  // ---- keys

  /** What a key does while an option has the focus; true where it did something. */
  function onRow(card, option, key) {
    const { family, rows } = card;
    const move = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (move) {
      focusRow(card, (option + move + rows.length) % rows.length);
      return true;
    }
    if (key === " ") pick(card, option);
    else if (key === "Backspace" || key === "Delete") answer(card, []);
    else if (key === "Enter") {
      if (!held(family.id).length) {
        if (family.slots > 1 && model(family.id).includes(option)) agree(card);
        else pick(card, option);
      }
      if (!isField(document.activeElement)) openNext();
    } else {
      const meant = optionOf(family, key);
      if (meant === null) return false;
      focusRow(card, meant);
      pick(card, meant);
    }
    return true;
  }

  const pageKeys = {
    a: agreeWithAll,
    n: openNext,
    j: () => step(1),
    k: () => step(-1),
    i: () => {
      const card = cards[inFocus()];
      if (card) ask(card, rowInFocus(card));
    },
  };
  const rowInFocus = (card) => {
    const option = card.rows.indexOf(document.activeElement);
    return option < 0 ? undefined : option;
  };

  // Before the viewer's keys, and only the keys that are ours.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const card = cards[inFocus()];
      if (isField(event.target)) {
        if (card && event.key === "Enter") openNext();
        if (card && event.key === "Escape") card.rows[held(card.family.id).find((option) => card.toSpecify.includes(option)) ?? 0].focus();
        return;
      }
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const option = card ? rowInFocus(card) : undefined;
      let done = option !== undefined && onRow(card, option, key);
      if (!done && /^[1-9]$/.test(key) && Number(key) <= cards.length) {
        open(Number(key) - 1);
        done = true;
      } else if (!done && pageKeys[key]) {
        pageKeys[key]();
        done = true;
      }
      if (!done) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );

  // ---- pointer

  root.addEventListener("click", (event) => {
    const card = cards.find((one) => one.element.contains(event.target));
    const row = event.target.closest(".card .row"); // the page has rows of its own
    if (row && card) {
      const option = Number(row.dataset.option);
      keepOneStop(card, option);
      row.focus({ preventScroll: true });
      pick(card, option);
    } else if (event.target.closest("#agree-all")) agreeWithAll();
    else if (event.target.closest(".card-agree")) agree(card);
    else if (event.target.closest(".card-why")) ask(card);
    else if (event.target.closest(".card-more")) {
      unfold(card);
      card.rows.find((one) => one.tabIndex === 0)?.focus({ preventScroll: true });
    }
  });
  for (const card of cards) {
    card.input?.addEventListener("input", () => {
      state.specified[card.family.id] = card.input.value;
      tell();
    });
  }
  document.addEventListener("visibilitychange", () => document.hidden && line.flush());
  window.addEventListener("pagehide", () => line.flush());

  root.cards = { state, standings, flush: line.flush };
  watch("value", () => receive(props.value));
  receive(props.value);
}

function readCard(element) {
  const { family: id, slots, options, none } = element.dataset;
  const family = { id, slots: Number(slots), options: Number(options), none: Number(none) };
  const rows = [...element.querySelectorAll(".row")];
  rows.forEach((row, option) => (row.querySelector(".row-box").dataset.key = keyOf(family, option).toUpperCase()));
  const specify = element.querySelector(".card-specify");
  return {
    element,
    family,
    rows,
    more: element.querySelector(".card-more"),
    folded: element.querySelector("[data-folded]"),
    limit: element.querySelector(".card-limit"),
    specify,
    input: specify?.querySelector("input"),
    toSpecify: (specify?.dataset.options ?? "").split(" ").filter(Boolean).map(Number),
  };
}
