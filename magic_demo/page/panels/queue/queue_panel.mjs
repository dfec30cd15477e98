// The list of cases in the left column: draws what the server says of the queue, opens cases, remembers where the reader was.

import { arrangementOf, countDone, drawnPart, listed, lookedAt, moveItem, nextOpen, stepFrom } from "./queue_list.mjs";
import { keepAddress, linkIn, OPEN_AS } from "./case_link.mjs";
import { pageState } from "../frame/page_state.mjs";
import { mountReaders } from "./queue_readers.mjs";
import { mountReading } from "./reading.mjs";
import { followShiftKeys, relabel, sendRest, unsaved } from "../review/saving/review_line.mjs";
import { exportAddress, mountTakeAway } from "./take_away.mjs";
import { onLanguage, readWords } from "../frame/words.mjs";

const STORAGE_KEY = "magic-demo-list"; // the list's arrangement, for the next visit
const EARLIER_KEY = "magic-demo-place"; // what an earlier version of the page called it
const MOST_ROWS = 200; // a queue may have ten thousand cases: of those far from the open one the number is drawn
const SIGNS = { "not started": "○", "in progress": "◐", done: "✓" };

export function mountQueue(element, { props, watch, trigger }) {
  const root = element.querySelector(".queue");
  const find = (name) => root.querySelector(`#queue-${name}`);
  const word = readWords(root);
  const items = new Map(); // case -> {says, item}: its line in the list, and what it was drawn from
  const reading = mountReading(() => {
    items.clear(); // their pictures are asked for again
    draw();
  });
  const state = { queue: null, reader: "", may: [], cases: [], open: null, openId: null, order: "position", filter: "all", mode: "assisted", rows: MOST_ROWS, ...readStored() };

  function readStored() {
    try {
      moveItem(localStorage, EARLIER_KEY, STORAGE_KEY);
      const { queue, order, filter, mode } = JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
      const open = sessionStorage.getItem(OPEN_AS);
      return Object.fromEntries(Object.entries({ queue, order, filter, mode, open }).filter(([, value]) => typeof value === "string"));
    } catch {
      return {};
    }
  }

  function writeStored() {
    const { queue, order, filter, mode, open } = state;
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify({ queue, order, filter, mode }));
      if (open === null) sessionStorage.removeItem(OPEN_AS);
      else sessionStorage.setItem(OPEN_AS, open);
    } catch {
      // a browser that keeps nothing still reviews
    }
  }

  const drawReaders = mountReaders({ find, word, assign: (payload) => trigger("assign", { ...chosen(), open: state.open, case: state.openId, ...payload }) });

  mountTakeAway(root.querySelector(".queue-formats"), () => state);

  let entered = null; // the queue that was chosen, until its next case to do is opened
  let heading = null; // the case that is to open, until it has
  let wanted = null; // the arrangement that was asked for last, until an answer comes
  const chosen = () => ({ queue: state.queue, order: state.order, mode: state.mode, system: pageState.system });

  const address = keepAddress((link) => open(null, link));

  // ---- what comes from the server

  function receive(value) {
    if (!value?.queue) return;
    const arrangement = arrangementOf(value, wanted);
    if (!arrangement) return; // the answer to what was chosen since is under way
    if (value.arranged) wanted = null;
    if (root.hidden) {
      root.hidden = false; // the first case was kept, or there are cases: examples make room
      reading.begin();
      for (const examples of document.querySelectorAll("details.examples")) examples.open = false;
    }
    Object.assign(state, { queue: value.queue, reader: value.reader, cases: value.cases.map((row) => ({ ...row })), ...arrangement });
    Object.assign(state, { readers: value.readers, may: value.may });
    if (!value.arranged) Object.assign(state, { open: value.open, openId: value.case }); // a case may have been opened since it was asked for
    find("name").replaceChildren(...value.queues.map((name) => Object.assign(document.createElement("option"), { value: name })));
    find("name").value = value.queue;
    find("name").hidden = value.queues.length < 2;
    find("reader").hidden = !value.signed_in;
    find("reader-name").textContent = value.reader;
    for (const link of root.querySelectorAll("[data-format]")) link.href = exportAddress(link.dataset.format, value.queue, false);
    root.querySelector("#take-away-agreed").hidden = !value.may.includes("export every review");
    root.querySelector("#queue-oversight").hidden = !(value.signed_in && value.may.includes("decide on coverings"));
    root.querySelector("#queue-learning").hidden = !value.may.includes("learn from reviews");
    if (!value.arranged) address.show(value.link ?? null);
    if (state.open === heading) heading = null;
    writeStored();
    draw();
    if (entered !== state.queue) return;
    entered = null;
    open(nextOpen(state.cases, null));
  }

  function receiveRow(row) {
    const changed = row && row.queue === state.queue && state.cases.find((candidate) => candidate.id === row.id);
    if (!changed) return;
    const { case: openId, open: opened, link, ...rest } = row;
    Object.assign(changed, rest);
    if (opened) state.open = changed.id;
    if (opened) address.show(link);
    if (changed.id === state.open) state.openId = openId; // a save may come late, of the case before
    writeStored();
    draw();
  }

  function receiveGone(gone) {
    if (gone) unsaved.forget(gone);
    if (!gone || gone.queue !== state.queue) return;
    state.cases = state.cases.filter((row) => row.id !== gone.id);
    if (state.open === gone.id) closed();
    writeStored();
    draw();
  }

  // ---- what is drawn

  /** The two queues that the program itself makes have a name in the language shown. */
  const titleOf = (queue) => word(`queue ${queue}`).replace(`queue ${queue}`, queue);

  function draw() {
    pageState.mode = state.mode;
    for (const option of find("name").options) option.textContent = titleOf(option.value);
    find("here").textContent = find("name").options.length < 2 && state.queue ? titleOf(state.queue) : "";
    find("order").value = state.order;
    find("filter").value = state.filter;
    for (const button of root.querySelectorAll("[data-mode]")) button.setAttribute("aria-checked", String(button.dataset.mode === state.mode));
    const done = countDone(state.cases);
    find("done").textContent = String(done);
    find("all").textContent = String(state.cases.length);
    find("bar").style.width = `${state.cases.length ? (100 * done) / state.cases.length : 0}%`;
    const shown = listed(state.cases, state.filter);
    const list = find("list");
    const at = lookedAt(state.cases, state.filter, state.open);
    const [from, to] = drawnPart(shown.length, at, state.rows);
    layOut(list, [...drawMore(from), ...shown.slice(from, to).map(drawCase), ...drawMore(shown.length - to)]);
    find("none").hidden = shown.length > 0;
    find("session").hidden = state.open !== null;
    if (at >= 0) items.get(shown[at].id).item.scrollIntoView({ block: "nearest" });
    find("previous").disabled = stepFrom(state.cases, state.filter, state.open, -1) === null;
    find("next").disabled = stepFrom(state.cases, state.filter, state.open, 1) === null;
    drawReaders(state);
    find("next-open").disabled = nextOpen(state.cases, state.open) === null;
  }

  /** Put items into the list where others stand: one that stands there already is not touched, as a click on what is taken away under it is lost. */
  function layOut(list, items) {
    items.forEach((item, at) => {
      const there = list.children[at];
      if (!there) list.append(item);
      else if (there !== item) there.replaceWith(item);
    });
    while (list.children.length > items.length) list.lastElementChild.remove();
  }

  /** Return the item of a case: the one that is there, unless it says something else now. */
  function drawCase(row) {
    const says = JSON.stringify([state.queue, state.mode, row, row.id === state.open, document.documentElement.lang]);
    const before = items.get(row.id);
    if (before?.says === says) return before.item;
    const item = drawItem(row);
    items.set(row.id, { says, item });
    return item;
  }

  function drawItem(row) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "queue-case";
    button.dataset.case = row.id;
    button.dataset.state = row.state;
    if (row.id === state.open) button.setAttribute("aria-current", "true");
    const labels = [row.id, word(row.state), row.consensus && word("consensus"), row.flagged && word("flagged"), row.left_open && word("left_open"), row.disagrees && word("disagreeing")].filter(Boolean);
    if (row.assigned?.length) labels.push(`${word("assigned")} ${row.assigned.join(", ")}`);
    const why = row.why && (state.mode === "assisted" || row.state === "done") ? word(`why_${row.why}`) : ""; // a blind reader hears nothing of the model
    if (why) labels.push(why);
    button.setAttribute("aria-label", labels.join(", "));
    button.title = labels.slice(1).join(" · ");
    button.append(reading.picture(state.queue, row.id), part("queue-sign", row.left_open ? "◕" : (SIGNS[row.state] ?? "○")), part("queue-id", row.id));
    if (row.consensus) button.append(part("queue-consensus", "C"));
    if (row.disagrees) button.append(part("queue-differs", "≠"));
    if (row.flagged) button.append(part("queue-flag", "⚑"));
    item.append(button);
    if (why) item.append(part("queue-why", why));
    return item;
  }

  function drawMore(count) {
    if (count === 0) return [];
    const item = document.createElement("li");
    const more = Object.assign(document.createElement("button"), { type: "button", className: "quiet queue-more", textContent: `${word("more")}: ${count}` });
    more.addEventListener("click", () => {
      state.rows *= 4;
      draw();
    });
    item.append(more);
    return [item];
  }

  function part(name, text) {
    return Object.assign(document.createElement("span"), { className: name, textContent: text, ariaHidden: "true" });
  }

  // ---- what the reader does

  /** link: the address of a case in place of its name. */
  function open(id, link = null) {
    if (!id && !link) return;
    heading = id;
    const heard = sendRest(state.openId); // nothing that was drawn or answered a moment ago stays behind
    trigger("open", { ...chosen(), open: id, link, from: state.openId, heard });
  }

  const step = (count) => open(stepFrom(state.cases, state.filter, heading ?? state.open, count));
  const openNext = () => open(nextOpen(state.cases, state.open));

  function arrange(change) {
    Object.assign(state, change);
    wanted = chosen();
    writeStored();
    draw();
    trigger("arrange", { ...chosen(), open: state.open, case: state.openId });
  }

  find("list").addEventListener("click", (event) => open(event.target.closest("[data-case]")?.dataset.case));
  find("previous").addEventListener("click", () => step(-1));
  find("next").addEventListener("click", () => step(1));
  find("next-open").addEventListener("click", openNext);
  find("readers").addEventListener("toggle", () => find("readers").open && arrange({})); // how far they are now
  find("order").addEventListener("change", (event) => arrange({ order: event.target.value }));
  find("name").addEventListener("change", (event) => {
    entered = event.target.value;
    arrange({ queue: entered, open: null });
  });
  find("filter").addEventListener("change", (event) => {
    state.filter = event.target.value;
    writeStored();
    draw();
  });
  for (const button of root.querySelectorAll("[data-mode]")) button.addEventListener("click", () => arrange({ mode: button.dataset.mode }));
  followShiftKeys({ J: () => step(1), K: () => step(-1), N: openNext });
  document.addEventListener("review-next", openNext);
  function closed() {
    Object.assign(state, { open: null, openId: null });
    heading = null;
    address.show(null);
  }

  // an example or photos of one's own take the place of the queue's case
  function leave() {
    sendRest(state.openId);
    reading.end();
    closed();
    writeStored();
    draw();
  }
  find("own").addEventListener("click", () => (state.open === null ? reading.end() : document.querySelector("#new-case").click()));
  document.addEventListener("click", (event) => event.target.closest("[data-example], #new-case") && leave(), { capture: true });
  document.addEventListener("magic-photos", leave);

  onLanguage(() => {
    relabel(root);
    draw();
  });
  relabel(root);
  watch("value", () => receive(props.value));
  watch("row", () => receiveRow(props.row));
  watch("gone", () => receiveGone(props.gone));
  receive(props.value);
  trigger("arrive", { ...chosen(), open: state.open, link: linkIn(location.hash), mode: readStored().mode ?? null });
}
