// Remove, reorder and name the photos of an upload: the case is opened again with the photos as they are wanted, which the browser has.

import { onKey } from "../../frame/keys/keyboard.mjs";
import { sendPhoto } from "../photo_intake.mjs";
import { splitKey } from "../../viewer/masks/outline_names.mjs";

const MOST_WAIT = 20_000; // milliseconds until the page may be used again, whatever the server does
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069/\\]/gu; // forms.py leaves the same out
const LONGEST = 60;

/** What a photo may be called: as the server has it, and no other photo of the case. */
export function cleanName(text, others) {
  const name = text.replace(UNSEEN, "").trim().slice(0, LONGEST).trim();
  return name && !others.includes(name) ? name : null;
}

/** Names that the server leaves as they are, whatever their order: none longer than it allows, no two alike. */
export function fitNames(names) {
  const fitted = [];
  for (const name of names) {
    let fits = name.slice(0, LONGEST).trim();
    for (let number = 2; fitted.includes(fits); number++) fits = `${name.slice(0, LONGEST - 5).trim()} (${number})`;
    fitted.push(fits);
  }
  return fitted;
}

/** The order of `count` photos with the one at `number` moved by `step`; null where it stays. */
export function moved(count, number, step) {
  const to = number + step;
  if (to < 0 || to >= count) return null;
  const order = [...Array(count).keys()];
  order.splice(to, 0, ...order.splice(number, 1));
  return order;
}

/** work: UnkeptWork; open(found): has the page open a draft whose photos were sent. */
export function openArrange({ work, word, open }) {
  const bar = document.querySelector("#photo-arrange");
  const find = (name) => bar.querySelector(`#photo-${name}`);
  const viewer = () => document.querySelector("#viewer-stage").viewer;
  let shown = { number: 0, names: [] };
  let goesTo = null; // which photo is shown once the case is open again
  let timer = null;

  function draw() {
    bar.hidden = !work.arranges(shown.names.length);
    if (bar.hidden) return;
    const { number, names } = shown;
    if (document.activeElement !== find("name")) find("name").value = names[number];
    find("earlier").disabled = number === 0;
    find("later").disabled = number === names.length - 1;
  }

  function setBusy(busy) {
    clearTimeout(timer);
    if (busy) timer = setTimeout(() => setBusy(false), MOST_WAIT);
    for (const part of ["#viewer-panel", "#cards-panel", "#photos"]) document.querySelector(part).toggleAttribute("inert", busy);
  }

  /** order: where each photo is now; names: what they are called from now on; to: which of them is shown then. */
  async function arrange(order, names, to) {
    const before = shown.names;
    const called = fitNames(names);
    setBusy(true);
    const covered = await work.coversEnd(viewer().state.openId, MOST_WAIT); // or a photo would be opened as it was
    const photos = covered && work.photosAs(order, called);
    if (!photos) {
      setBusy(false);
      if (!covered) window.alert(word("failed"));
      return;
    }
    const sent = [];
    for (const { name, blob } of photos) sent.push(await sendPhoto(new File([blob], name)));
    if (sent.some(({ key }) => !key)) {
      setBusy(false);
      window.alert(word("failed"));
      return;
    }
    viewer().flush();
    goesTo = to;
    open(work.arrange(before, order, called, photos), sent.map(({ key }) => key));
  }

  function move(step) {
    const { number, names } = shown;
    const order = moved(names.length, number, step);
    if (order) arrange(order, order.map((at) => names[at]), number + step);
  }

  function remove() {
    const { number, names } = shown;
    const outlined = Object.keys(work.current?.masks ?? {}).some((name) => splitKey(name).photo === names[number]);
    if (outlined && !window.confirm(word("remove_ask"))) return;
    const order = names.map((_, at) => at).filter((at) => at !== number);
    arrange(order, order.map((at) => names[at]), Math.max(0, Math.min(number, order.length - 1)));
  }

  function rename() {
    const { number, names } = shown;
    const name = cleanName(find("name").value, names.filter((_, at) => at !== number));
    if (name === null || name === names[number]) {
      find("name").value = names[number];
      return;
    }
    arrange(names.map((_, at) => at), names.with(number, name), number);
  }

  find("earlier").addEventListener("click", () => move(-1));
  find("later").addEventListener("click", () => move(1));
  find("remove").addEventListener("click", remove);
  find("name").addEventListener("change", rename);
  onKey(find("name"), ({ key }) => {
    if (key === "Escape") find("name").value = shown.names[shown.number];
    if (key === "Escape" || key === "Enter") find("name").blur();
  });
  document.addEventListener("photo-shown", ({ detail }) => {
    shown = detail;
    draw();
  });
  document.addEventListener("viewer-opened", () => {
    setBusy(false);
    if (goesTo !== null) viewer().show(goesTo);
    goesTo = null;
  });
  return { draw };
}
