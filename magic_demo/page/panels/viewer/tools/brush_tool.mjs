// Brush and eraser: a round stroke that follows the pointer.

import { stampStroke } from "../masks/shapes.mjs";

export function brushTool(desk, value) {
  let last = null;
  const stroke = (to) => {
    const from = last;
    last = to;
    desk.editor.write((mask, width, height) => stampStroke(mask, width, height, from, to, desk.radius(), value));
  };
  return {
    start(point) {
      desk.editor.begin();
      last = desk.toPhoto(point);
      stroke(last);
    },
    move(points) {
      for (const point of points) stroke(desk.toPhoto(point));
    },
    end() {
      desk.editor.commit({ asked: value === 1 }); // what is painted is meant, also inside the model's outline
    },
    cancel() {
      desk.editor.drop();
    },
    leave() {},
    hover() {},
  };
}
