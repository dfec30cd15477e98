// The layout for reading a queue: the list and the patient's words have the left column, without what photos of one's own need; and the
// list's small pictures, each asked for once.

import { followShiftKeys } from "../review/saving/review_line.mjs";

/** redraw: draws the list again. */
export function mountReading(redraw) {
  const page = document.documentElement;
  const pictures = new Map(); // queue and case -> the picture's element: one that is drawn again is not asked for again
  let unkept = null; // the open case that is of no queue

  function read(on) {
    page.toggleAttribute("data-reading", on && page.hasAttribute("data-queue"));
    page.removeAttribute("data-words");
  }

  followShiftKeys({ W: () => page.hasAttribute("data-reading") && page.toggleAttribute("data-words") });
  document.addEventListener("case-shown", ({ detail }) => {
    unkept = detail.unkept;
    if (unkept !== null) read(false);
    else if (detail.queued !== null) read(true);
  });
  document.addEventListener("magic-photos-wait", () => read(false)); // for the reader's consent, which is asked for there
  document.addEventListener("magic-covered", () => {
    pictures.clear();
    redraw();
  });

  return {
    /** There is a list from now on: it is read, unless another case is open. */
    begin() {
      page.setAttribute("data-queue", "");
      read(unkept === null);
    },
    end: () => read(false),
    picture(queue, id) {
      const name = JSON.stringify([queue, id]);
      if (!pictures.has(name)) {
        const src = `thumbnail?${new URLSearchParams({ queue, case: id })}`;
        pictures.set(name, Object.assign(document.createElement("img"), { className: "queue-picture", alt: "", loading: "lazy", width: 22, height: 22, src }));
      }
      return pictures.get(name);
    },
  };
}
