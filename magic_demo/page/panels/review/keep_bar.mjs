// The bar under the cards of a case that is of no store: one button makes it a case of a queue, which is saved from then on.

import { pageState } from "../frame/page_state.mjs";
import { followShiftKeys, sendRest } from "./saving/review_line.mjs";

const WAITING = 30_000; // milliseconds after which the button can be pressed again, whatever the server says

export function mountKeep(element, { props, watch, trigger }) {
  const root = element.querySelector("#keep");
  const button = element.querySelector("#keep-case");
  let open = null;
  let timer = null;

  function wait(waiting) {
    clearTimeout(timer);
    if (button) button.disabled = waiting;
    if (waiting) timer = setTimeout(() => wait(false), WAITING);
  }

  function receive(value) {
    open = value?.keep ?? null;
    if (value?.kept) document.dispatchEvent(new CustomEvent("case-kept", { detail: value.kept }));
    document.dispatchEvent(new CustomEvent("case-shown", { detail: { unkept: open, queued: value?.case ?? null, opened: value?.opened ?? null } }));
    root.hidden = open === null;
    wait(false);
    if (open !== null) document.documentElement.style.setProperty("--review-bar", `${root.offsetHeight}px`);
  }

  function keep() {
    if (open === null || !button || button.disabled) return; // a page for everybody keeps nothing and has no button
    wait(true);
    const heard = sendRest(open); // what was drawn or answered a moment ago is kept along
    trigger("keep", { case: open, heard, mode: pageState.mode });
  }

  button?.addEventListener("click", keep);
  followShiftKeys({ S: keep });
  watch("value", () => receive(props.value));
  receive(props.value);
}
