// Polygon: a point a click, closed by Enter, a double-click or a click on the first point; it is added to the mask or taken away.

import { fillPolygon } from "../masks/shapes.mjs";

const NEAR = 10; // window pixels

export function polygonTool(desk) {
  let points = [];
  let rubber = null; // where the next point would be

  const far = (one, other) => Math.hypot(one.x - other.x, one.y - other.y) * desk.view().scale;
  const draw = () => {
    desk.sketch.show([
      { kind: "line", points: rubber && points.length ? [...points, rubber] : points, dashed: !desk.adds() },
      { kind: "dots", points },
    ]);
    desk.counted(points.length);
  };
  const clear = () => {
    points = [];
    rubber = null;
    draw();
  };

  return {
    start(point) {
      const next = desk.toPhoto(point);
      if (points.length > 2 && far(next, points[0]) < NEAR) this.close();
      else if (!points.length || far(next, points.at(-1)) > 2) {
        points.push(next);
        rubber = null;
        draw();
      }
    },
    move(moved) {
      if (!points.length) return;
      points[points.length - 1] = desk.toPhoto(moved.at(-1)); // the last point follows until the pointer is lifted
      draw();
    },
    end() {},
    cancel() {
      points.pop();
      draw();
    },
    hover(point) {
      if (!points.length) return;
      rubber = point ? desk.toPhoto(point) : null;
      draw();
    },
    close() {
      const corners = points;
      clear();
      if (corners.length < 3) {
        if (corners.length) desk.say("polygon-few", corners.at(-1));
        return;
      }
      desk.editor.begin();
      desk.editor.write((mask, width, height) => fillPolygon(mask, width, height, corners, desk.adds() ? 1 : 0));
      desk.editor.commit();
    },
    back() {
      points.pop();
      draw();
    },
    leave: clear,
    redraw: draw,
    count: () => points.length,
  };
}
