// One line on the photo, beside what the reader has just done: that it found nothing, or changed nothing. It goes with the next thing done.

const ROOM = 8; // window pixels

/** word(name): text in the language shown. place(point), size(): where a point of the photo lies in the window, and how large that is. */
export function openNote(root, { word, place, size }) {
  const element = root.querySelector("#viewer-note");
  let shown = null; // {name, at}

  function draw() {
    element.hidden = !shown;
    if (!shown) return;
    element.textContent = word(shown.name);
    const { width, height } = size();
    const at = shown.at ? place(shown.at) : { x: width / 2, y: height / 3 };
    const limit = (value, most) => Math.max(ROOM, Math.min(most - ROOM, value));
    element.style.left = `${limit(at.x - element.offsetWidth / 2, width - element.offsetWidth)}px`;
    element.style.top = `${limit(at.y + ROOM, height - element.offsetHeight)}px`;
  }

  return {
    draw,
    /** at: a point of the photo that the line stands below. */
    show(name, at = null) {
      shown = { name, at };
      draw();
    },
    hide() {
      shown = null;
      draw();
    },
  };
}
