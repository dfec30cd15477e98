// Brush and eraser: a round stroke that follows the pointer. The other end of a pen erases.

import { stampStroke } from "./shapes.mjs";

const PEN_ERASER = 5;

export function brushTool(desk, paints) {
  let last = null;
  let value = paints;
  const stroke = (to) => {
    const from = last;
    last = to;
    desk.editor.write((mask, width, height) => stampStroke(mask, width, height, from, to, desk.radius(), value));
  };
  return {
    start(point, event) {
      value = event?.button === PEN_ERASER ? 0 : paints;
      desk.editor.begin();
      last = desk.toPhoto(point);
      stroke(last);
    },
    move(points) {
      for (const point of points) stroke(desk.toPhoto(point));
    },
    end() {
      desk.editor.commit();
    },
    cancel() {
      desk.editor.drop();
    },
    leave() {},
    hover() {},
  };
}
