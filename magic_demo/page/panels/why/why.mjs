// The pane that says why an option has its score: asked for by a card, filled by the server, closed here; its heat maps go to the viewer.

import { onKey } from "../frame/keys/keyboard.mjs";
import { unsaved } from "../review/saving/review_line.mjs";

export function mountWhy(element, { props, watch, trigger }) {
  const pane = element.querySelector(".why-place");
  let asked = null; // {case, family, option}
  let request = 0;
  let moved = null; // {from, to}: where the column was, and where it was brought
  const column = () => document.querySelector("#cards-panel");
  let reveal = false; // whether the card asked about is to scroll into view once the answer is there

  function ask(wanted) {
    asked = wanted;
    mark();
    pane.setAttribute("aria-busy", "true");
    request += 1;
    trigger("why", { ...wanted, of: unsaved.of(wanted.case), request, language: document.documentElement.dataset.language });
  }

  function close() {
    const family = asked?.family;
    const stays = !moved || Math.abs(column().scrollTop - moved.to) > 2; // the reader has moved it since
    asked = null;
    show("");
    mark();
    document.dispatchEvent(new CustomEvent("magic-heat", { detail: null }));
    if (!stays) column().scrollTop = moved.from; // where it was before a card was brought into sight
    moved = null;
    if (family) document.querySelector(`.card[data-family="${family}"] .row[tabindex="0"]`)?.focus({ preventScroll: true });
  }

  function show(html) {
    const scrolled = pane.querySelector(".why-body")?.scrollTop ?? 0;
    const refocus = pane.contains(document.activeElement) ? document.activeElement.id : "";
    pane.innerHTML = html; // the server has escaped what people wrote
    pane.removeAttribute("aria-busy");
    const body = pane.querySelector(".why-body");
    if (body) body.scrollTop = scrolled;
    if (refocus) document.getElementById(refocus)?.focus({ preventScroll: true });
    // What scrolls into view stops above the pane: the column scrolls, or on a tablet held upright the page.
    const covered = pane.offsetHeight + (parseFloat(getComputedStyle(pane.closest("#why")).bottom) || 0) + 8;
    for (const scroller of [document.querySelector("#cards-panel"), document.documentElement]) {
      if (scroller) scroller.style.scrollPaddingBottom = html ? `${covered}px` : "";
    }
  }

  function mark() {
    for (const card of document.querySelectorAll(".card")) {
      card.querySelector(".card-why")?.setAttribute("aria-pressed", String(card.dataset.family === asked?.family));
    }
  }

  function receive(value) {
    if (!value?.html) {
      if (asked || pane.innerHTML) close();
      return;
    }
    if (!asked || value.request !== request) return; // closed before the answer came, or overtaken by a later question
    show(value.html);
    document.dispatchEvent(new CustomEvent("magic-heat", { detail: Object.keys(value.heat).length ? value.heat : null }));
    if (reveal) {
      const from = moved && Math.abs(column().scrollTop - moved.to) < 2 ? moved.from : column().scrollTop;
      document.querySelector(`.card[data-family="${value.family}"]`)?.scrollIntoView({ block: "nearest" });
      moved = { from, to: column().scrollTop };
    }
    reveal = false;
  }

  document.addEventListener("magic-why", (event) => {
    const { family, option } = event.detail;
    if (asked && asked.family === family && asked.option === option) close();
    else {
      reveal = true;
      ask(event.detail);
    }
  });
  document.addEventListener("magic-language", () => {
    if (asked) ask(asked);
  });
  pane.addEventListener("change", (event) => {
    if (event.target.id === "why-option") ask({ ...asked, option: Number(event.target.value) });
  });
  pane.addEventListener("click", (event) => {
    if (event.target.closest("#why-close")) close();
  });
  onKey(document, ({ key }, event) => {
    if (key === "Escape" && asked && (pane.contains(event.target) || event.target.closest?.("#cards-panel"))) {
      event.stopPropagation();
      close();
    }
  });
  watch("value", () => receive(props.value));
  receive(props.value);
}
