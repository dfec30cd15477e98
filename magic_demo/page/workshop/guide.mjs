// The guided first case: three steps beside what they speak of. It opens the example that the server names; that it was seen is all that is remembered.

import { placeBeside } from "./guide_position.mjs";
import { onKey } from "../panels/frame/keys/keyboard.mjs";
import { OPEN_AS } from "../panels/queue/case_link.mjs";

const SEEN = "magic-demo-guide-seen";
const TARGETS = [["#viewer-stage"], ["#cards-panel", ".viewer-rail"], ["#keep", "#review-finish", "#take-away", "#status"]];
const CLEAR = [[], ["#viewer-stage"], []]; // not marked, but not covered either
const WIDE = 1024; // below this the cards fill the window: one of them stands for all
const NARROW = 1; // this step leaves little room
const shown = (element) => element !== null && element.getClientRects().length > 0;

function seen() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return false;
  }
}
function reopens() {
  try {
    return sessionStorage.getItem(OPEN_AS) !== null;
  } catch {
    return false;
  }
}
function remember() {
  try {
    localStorage.setItem(SEEN, "1");
  } catch {
    // a browser that keeps nothing is shown the guide again
  }
}

/**
 * Whether the guide opens by itself: where the address asks for it, or for a new browser on a page that guides. Who comes back to a case that was kept,
 * by its link or in a tab that had it open, is not covered by it.
 */
export function opensByItself({ search, hash }, { guided, seen, reopens }) {
  return !hash && (new URLSearchParams(search).has("guide") || (guided && !seen && !reopens));
}

export function mountGuide(guide) {
  const steps = [...guide.querySelectorAll(".guide-step")];
  const marks = document.createElement("div");
  const back = guide.querySelector("#guide-back");
  let step = 0;
  let before = null;
  let frame = 0;
  marks.className = "guide-marks";
  marks.setAttribute("aria-hidden", "true");
  document.body.append(marks, guide); // over the page, not inside the bar

  /** The step's targets that are on the page; of the last step the first one that is. */
  function targets() {
    const found = TARGETS[step].map((name) => document.querySelector(innerWidth < WIDE && name === "#cards-panel" ? ".card" : name)).filter(shown);
    return step === steps.length - 1 ? found.slice(0, 1) : found;
  }

  function position() {
    const spoken = targets().map((target) => target.getBoundingClientRect());
    marks.replaceChildren(
      ...spoken.map((rect) => {
        const mark = document.createElement("i");
        Object.assign(mark.style, { left: `${rect.left}px`, top: `${rect.top}px`, width: `${rect.width}px`, height: `${rect.height}px` });
        return mark;
      }),
    );
    const clear = CLEAR[step].map((name) => document.querySelector(name)).filter(shown).map((element) => element.getBoundingClientRect());
    const corner = placeBeside([...spoken, ...clear], guide.getBoundingClientRect(), { width: innerWidth, height: innerHeight });
    const zoom = guide.getBoundingClientRect().width / guide.offsetWidth || 1; // presenter mode enlarges the guide, lengths in its style too
    Object.assign(guide.style, { left: `${corner.left / zoom}px`, top: `${corner.top / zoom}px` });
  }

  /** Where things are changes while the example opens and the reader works; looked at in every frame, written only when it differs. */
  let last = "";
  function follow() {
    if (guide.hidden) return;
    const waiting = document.querySelector("#viewer .viewer")?.dataset.mask === "plain";
    guide.classList.toggle("is-waiting", waiting);
    const rects = targets().map((target) => target.getBoundingClientRect());
    const now = JSON.stringify([rects, innerWidth, innerHeight, guide.offsetWidth, guide.offsetHeight]);
    if (now !== last) position();
    last = now;
    frame = requestAnimationFrame(follow);
  }

  function show(number, focus = true) {
    step = number;
    steps.forEach((element, at) => (element.hidden = at !== step));
    guide.setAttribute("aria-labelledby", `guide-title-${step}`);
    guide.querySelector("#guide-number").textContent = String(step + 1);
    guide.classList.toggle("is-narrow", step === NARROW);
    guide.classList.toggle("is-last", step === steps.length - 1);
    back.disabled = step === 0;
    targets()[0]?.scrollIntoView({ block: "nearest" });
    last = "";
    if (focus) steps[step].querySelector("h2").focus({ preventScroll: true });
  }

  function open() {
    remember();
    before = document.activeElement;
    guide.hidden = marks.hidden = false;
    document.querySelector(`#example-${guide.dataset.opens}`)?.click();
    show(0);
    cancelAnimationFrame(frame);
    follow();
  }

  function close() {
    if (guide.hidden) return;
    const hadFocus = guide.contains(document.activeElement);
    guide.hidden = marks.hidden = true;
    if (hadFocus) (shown(before) && before !== document.body ? before : document.querySelector("#workshop-open"))?.focus();
  }

  marks.hidden = true;
  guide.querySelector("#guide-next").addEventListener("click", () => (step < steps.length - 1 ? show(step + 1) : close()));
  back.addEventListener("click", () => show(step - 1));
  guide.querySelector("#guide-skip").addEventListener("click", close);
  onKey(
    document,
    ({ key }, event) => {
      const inside = guide.contains(event.target);
      if (guide.hidden || document.querySelector("dialog[open]")) return;
      if (key === "Escape" && (inside || event.target === document.body)) {
        event.stopPropagation();
        close();
      } else if (inside && (key === " " || key === "Enter") && event.target.matches("button")) event.stopPropagation(); // the button's, not the photo's
    },
    { capture: true },
  );
  if (opensByItself(location, { guided: "guided" in guide.dataset, seen: seen(), reopens: reopens() })) open();
  return open;
}
