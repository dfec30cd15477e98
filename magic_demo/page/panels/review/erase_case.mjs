// Deleting the open case, in the drawer under the cards: said what goes, then asked for once more.

import { unsaved } from "./saving/review_line.mjs";

export function mountErase(element, { props, watch, trigger }) {
  const root = element.querySelector("#erase");
  const close = () => (root.open = false);
  let open = null;

  function receive(value) {
    if (value?.case !== open) close();
    open = value?.case ?? null;
    root.hidden = !value?.may?.includes("delete cases");
  }

  root.querySelector("#erase-now").addEventListener("click", () => {
    close();
    if (open !== null) trigger("erase", { case: open, of: unsaved.of(open) });
  });
  root.querySelector("#erase-not").addEventListener("click", () => {
    close();
    root.querySelector("summary").focus();
  });
  watch("value", () => receive(props.value));
  receive(props.value);
}
