// The readings side by side: shown of the case that is open, and of no other; an adjudicator begins a consensus of them.

import { unsaved } from "./saving/review_line.mjs";

export function mountReadings(element, { watch, trigger }) {
  const shown = () => element.querySelector(".readings");

  element.addEventListener("click", (event) => {
    const how = event.target.closest("[data-build]")?.dataset.build;
    if (how) trigger("build", { case: shown().dataset.case, how });
    else if (event.target.closest("#readings-close")) {
      document.dispatchEvent(new CustomEvent("readings-closed"));
      trigger("leave", {});
    }
  });

  watch("value", () =>
    requestAnimationFrame(() => {
      const readings = shown();
      if (readings && readings.dataset.case !== unsaved.now) readings.remove(); // of the case before: they came late
      else readings?.scrollIntoView({ block: "start" });
    }),
  );
}
