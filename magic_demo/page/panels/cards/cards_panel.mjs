// The cards on the page: shows what the model says, takes the reader's answers, and tells the server of them once they rest.
//
// Nothing here waits for the server: a click is drawn at once. The value that comes (see cards.py) brings a case and what the models say
// of it; answers of the same case stay as the reader has them.

import { agreeWithRest, choose, countStandings, nextToSee, optionOfNumber, sameOptions, standing, whenRested } from "./cards.mjs";
import { openDrawing } from "./card_drawing.mjs";
import { keysOf } from "./option_keys.mjs";
import { mountSystems } from "./systems.mjs";
import { journal } from "../frame/keys/journal.mjs";
import { isField, onKey } from "../frame/keys/keyboard.mjs";
import { followOpenings } from "../frame/openings.mjs";
import { onLanguage } from "../frame/words.mjs";
import { unsaved } from "../review/saving/review_line.mjs";

const REST = 300; // milliseconds

export function mountCards(element, { props, watch, trigger }) {
  const root = element.querySelector(".cards");
  const panel = document.querySelector("#cards-panel") ?? root;
  const drawn = new Map([["", readCards(root)]]); // the cards of each set of questions that a case was asked, "" of those that the page began with
  let { cards, families, agreeAll, agreed } = drawn.get("");
  let asked = "";
  const state = { case: null, shown: "waiting", unlike: false, models: {}, ties: {}, answers: {}, specified: {}, looked: null, measured: null };
  let lettered = false; // letters are the card's where keys led to it; after a click they stay the photo's tools
  const isLate = followOpenings();
  const touched = new Set(); // families changed since they were sent last
  const line = whenRested(REST, (payload) => {
    touched.clear();
    // the review keeps it until it is saved, and adds which case it is of
    document.dispatchEvent(new CustomEvent("cards-tell", { detail: { event: "answers", payload } }));
    trigger("answers", payload);
  });

  const drawSystems = mountSystems(root.querySelector("#cards-systems"), (system) => trigger("system", { case: state.case, of: unsaved.of(state.case), system }));

  const model = (id) => state.models[id]?.chosen ?? [];
  const selected = (id) => (state.looked ?? state).answers[id] ?? [];
  const standings = () => families.map(({ id }) => standing(selected(id), model(id)));
  const unsure = () => families.map(({ id }) => Boolean(state.models[id]?.unsure));

  const { drawCard, drawMeasured, keepOneStop } = openDrawing({ state, selected, model });

  // ---- what comes from the server

  function receive(value) {
    if (isLate(value?.case ?? null)) return;
    const isOther = (value?.case ?? null) !== state.case;
    if (isOther) {
      look(null);
      line.flush(); // what was answered belongs to the case before
      ask(value?.set ?? "", value?.markup);
      state.case = value?.case ?? null;
      state.answers = structuredClone(value?.answers ?? {});
      state.specified = { ...value?.specified };
      for (const card of cards) if (card.specify) card.input.value = state.specified[card.family.id] ?? "";
      agreed.hidden = true;
      journal.open(state.case);
    }
    state.shown = value?.state ?? "waiting";
    state.models = value?.families ?? {};
    state.ties = value?.ties ?? {};
    state.unlike = Boolean(value?.unlike);
    drawSystems(value?.systems ?? {}, value?.system ?? null);
    draw();
    if (isOther) panel.scrollTop = 0;
  }

  /** Put the cards of a set of questions in the place of those that are shown. */
  function ask(set, markup) {
    if (set === asked || (!drawn.has(set) && !markup)) return;
    if (!drawn.has(set)) {
      const template = document.createElement("template");
      template.innerHTML = markup;
      drawn.set(set, readCards(template.content.querySelector(".cards")));
      listen(drawn.get(set).cards);
    }
    asked = set;
    const shown = drawn.get(set);
    ({ cards, families, agreeAll, agreed } = shown);
    root.replaceChildren(...shown.nodes);
    putFirst(cards[0]);
  }

  // ---- what is drawn

  function draw() {
    root.dataset.state = state.shown;
    root.toggleAttribute("data-closed", state.case === null);
    root.toggleAttribute("data-unlike", state.unlike);
    const counted = standings();
    root.classList.toggle("is-calibrated", families.some(({ id }) => state.models[id]?.calibrated));
    root.classList.toggle("has-scores", families.some(({ id }) => state.models[id]?.shares && !state.models[id].calibrated));
    cards.forEach((card, index) => drawCard(card, counted[index]));
    const counts = countStandings(counted);
    for (const counter of root.querySelectorAll("[data-count]")) {
      counter.textContent = String(counts[counter.dataset.count]);
      counter.parentElement.classList.toggle("is-none", counts[counter.dataset.count] === 0);
    }
    agreeAll.disabled = Boolean(state.looked) || !Object.keys(rest().taken).length;
  }

  // ---- what the reader does

  /** Show an earlier version of the reader's review, which cannot be changed; null shows what is newest. */
  function look(version) {
    const before = state.looked;
    state.looked = version && version.case === state.case ? version : null;
    if (before === state.looked) return;
    root.toggleAttribute("data-looking", state.looked !== null);
    for (const card of cards) {
      if (!card.specify) continue;
      card.input.readOnly = state.looked !== null;
      card.input.value = (state.looked ?? state).specified[card.family.id] ?? "";
    }
    draw();
  }

  /** Take a version that was brought back; the server has it already. */
  function takeBack({ case: openId, answers, specified }) {
    if (openId !== state.case) return;
    const before = { answers: state.answers, specified: state.specified };
    const show = (content) => {
      Object.assign(state, { answers: structuredClone(content.answers), specified: { ...content.specified } });
      for (const card of cards) if (card.specify) card.input.value = state.specified[card.family.id] ?? "";
      draw();
    };
    const turn = (content) => () => {
      show(content);
      tell(families.map(({ id }) => id));
    };
    show({ answers, specified });
    journal.push(openId, { undo: turn(before), redo: turn({ answers, specified }) });
  }

  const rest = () => agreeWithRest(families, state.answers, state.models);

  function answer(card, options) {
    if (state.case === null || state.looked) return;
    if (card.limit) card.limit.hidden = true;
    agreed.hidden = true;
    change({ [card.family.id]: options });
  }

  /** Take answers by family, as one step that can be undone as long as nobody, such as another tab, has answered the same otherwise. */
  function change(answers) {
    const before = Object.fromEntries(Object.keys(answers).map((id) => [id, selected(id)]));
    put(answers);
    const still = (now) => Object.keys(now).every((id) => sameOptions(selected(id), now[id]));
    if (still(before)) return;
    const turn = (back, from) => () => {
      if (!still(from)) return false;
      put(back);
      agreed.hidden = true;
      cards.find(({ family }) => family.id in back).element.scrollIntoView({ block: "nearest" });
    };
    journal.push(state.case, { undo: turn(before, answers), redo: turn(answers, before) });
  }

  function put(answers) {
    Object.assign(state.answers, answers);
    draw();
    tell(Object.keys(answers));
  }

  function tell(changed) {
    for (const id of changed) touched.add(id);
    line.say({ case: state.case, answers: structuredClone(state.answers), specified: { ...state.specified }, touched: [...touched] });
  }

  /** Take what was answered in another tab; what was just changed here has been sent already. */
  function takeOver({ answers, specified }) {
    Object.assign(state.answers, structuredClone(answers));
    Object.assign(state.specified, specified);
    for (const card of cards) if (card.specify && card.family.id in specified) card.input.value = specified[card.family.id];
    draw();
  }

  function pick(card, option) {
    if (state.case === null || state.looked) return;
    const { selected: now, full } = choose(card.family, selected(card.family.id), option);
    if (full) {
      card.limit.hidden = false;
      return;
    }
    answer(card, now);
  }

  const agree = (card) => model(card.family.id).length && answer(card, [...model(card.family.id)]);

  function agreeWithAll() {
    if (state.case === null || state.looked) return;
    const { taken, left } = rest();
    const count = Object.keys(taken).length;
    if (!count && !left) return;
    if (count) change(taken);
    agreed.querySelector("[data-agreed]").textContent = String(count);
    agreed.querySelector("[data-left]").textContent = String(left);
    agreed.classList.toggle("none-left", left === 0);
    agreed.hidden = false;
  }

  /** The card that was opened last: a presenter may show it alone. */
  function putFirst(card) {
    for (const other of cards) other.element.classList.toggle("is-current", other === card);
  }

  function open(index) {
    const card = cards[index];
    if (!card) return;
    putFirst(card);
    focusRow(card, selected(card.family.id)[0] ?? model(card.family.id)[0] ?? 0);
    card.element.scrollIntoView({ block: "nearest" });
  }

  function focusRow(card, option) {
    lettered = true;
    if (card.number) return card.number.focus({ preventScroll: true });
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

  function askWhy(card, option) {
    if (!state.models[card.family.id]) return;
    const wanted = option ?? selected(card.family.id)[0] ?? model(card.family.id)[0] ?? 0;
    document.dispatchEvent(new CustomEvent("magic-why", { detail: { case: state.case, family: card.family.id, option: wanted } }));
  }

  function listen(cards) {
    for (const card of cards) {
      card.number?.addEventListener("input", () => {
        const option = optionOfNumber(card.scale, card.number.value);
        answer(card, option === null ? [] : [option]);
      });
      card.number?.addEventListener("blur", () => draw());
      card.input?.addEventListener("input", () => {
        state.specified[card.family.id] = card.input.value;
        tell([card.family.id]);
      });
    }
  }

  // ---- keys

  /** What a key does while an option has the focus; true where it did something. */
  function onRow(card, option, key) {
    const { family, keys, rows } = card;
    const move = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (move) {
      focusRow(card, (option + move + rows.length) % rows.length);
      return true;
    }
    if (key === " ") pick(card, option);
    else if (key === "Backspace" || key === "Delete") answer(card, []);
    else if (key === "Enter") {
      if (!selected(family.id).length) {
        if (family.slots > 1 && model(family.id).includes(option)) agree(card);
        else pick(card, option);
      }
      if (!isField(document.activeElement)) openNext();
    } else {
      const meant = lettered ? keys.indexOf(key) : -1;
      if (meant < 0) return false;
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
      if (card) askWhy(card, rowInFocus(card));
    },
  };
  const rowInFocus = (card) => {
    const option = card.rows.indexOf(document.activeElement);
    return option < 0 ? undefined : option;
  };

  // Before the viewer's keys, and only the keys that are ours.
  onKey(
    document,
    ({ key, ctrl, alt }, event) => {
      if (ctrl || alt || document.querySelector("dialog[open]")) return;
      const card = cards[inFocus()];
      if (key === "Tab") lettered = true;
      if (isField(event.target)) {
        if (card && key === "Enter") openNext();
        if (card && key === "Escape" && card.number) card.number.blur();
        else if (card && key === "Escape") card.rows[selected(card.family.id).find((option) => card.toSpecify.includes(option)) ?? 0].focus();
        return;
      }
      const option = card ? rowInFocus(card) : undefined;
      if (option !== undefined && key === "Escape") event.target.blur(); // the letters are the viewer's again
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
    const card = cards.find((card) => card.element.contains(event.target));
    const row = event.target.closest(".card .row"); // the page has rows of its own
    if (row && card) {
      const option = Number(row.dataset.option);
      lettered = false;
      keepOneStop(card, option);
      row.focus({ preventScroll: true });
      pick(card, option);
    } else if (event.target.closest("#agree-all")) agreeWithAll();
    else if (event.target.closest(".card-agree")) agree(card);
    else if (event.target.closest(".card-why")) askWhy(card);
  });
  document.addEventListener("magic-measured", ({ detail }) => {
    state.measured = detail;
    for (const card of cards) drawMeasured(card, selected(card.family.id).length ? selected(card.family.id) : model(card.family.id));
  });
  onLanguage(draw);
  document.addEventListener("review-look", ({ detail }) => look(detail));
  document.addEventListener("review-taken-back", ({ detail }) => takeBack(detail));
  listen(cards);
  document.addEventListener("review-merged", ({ detail }) => detail.case === state.case && takeOver(detail));
  document.addEventListener("visibilitychange", () => document.hidden && line.flush());
  window.addEventListener("pagehide", () => line.flush());

  root.addEventListener("focusin", ({ target }) => putFirst(cards.find((card) => card.element.contains(target)) ?? cards[0]));
  putFirst(cards[0]);
  root.cards = { state, standings, flush: line.flush };
  watch("value", () => receive(props.value));
  receive(props.value);
}

/** Return all cards in an element, and the parts around them that change. */
function readCards(root) {
  const cards = [...root.querySelectorAll(".card")].map(readCard);
  return {
    cards,
    families: cards.map((card) => card.family),
    nodes: [...root.childNodes],
    agreeAll: root.querySelector("#agree-all"),
    agreed: root.querySelector("#cards-agreed"),
  };
}

function readCard(element) {
  const { family: id, slots, options, none } = element.dataset;
  const family = { id, slots: Number(slots), options: Number(options), none: Number(none) };
  const rows = [...element.querySelectorAll(".row")];
  const keys = keysOf(
    rows.map((row) => row.dataset.name),
    family.none,
    rows.map((row) => row.dataset.key ?? ""),
  );
  rows.forEach((row, option) => (row.querySelector(".row-box").dataset.key = keys[option].toUpperCase()));
  const specify = element.querySelector(".card-specify");
  const number = element.querySelector(".card-value input");
  return {
    number,
    scale: number && { min: Number(number.min), max: Number(number.max), step: Number(number.step) },
    element,
    family,
    rows,
    keys,
    limit: element.querySelector(".card-limit"),
    tie: element.querySelector(".card-tie"),
    measured: element.querySelector(".card-measured"),
    specify,
    input: specify?.querySelector("input"),
    toSpecify: (specify?.dataset.options ?? "").split(" ").filter(Boolean).map(Number),
  };
}
