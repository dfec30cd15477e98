// Point: a click says "lesion" or "skin", a drag draws a box, and the outline follows. A point that is there already is dragged, or taken away by a
// click on it. One question is with the server at a time: what is set meanwhile is asked next.

import { journal } from "../../frame/keys/journal.mjs";
import { PointSession } from "./point_session.mjs";

const NEAR = { mouse: 9, pen: 12, touch: 20 }; // window pixels around a point that mean it
const STILL = 6; // window pixels: who moves further draws a box
const PATIENCE = 20_000; // milliseconds after which an answer is taken for lost

export function pointTool(desk, send) {
  let open = null; // the session whose points are shown
  let held = null; // what the pointer holds: {number: of a point or -1, from, to, lesion, moved}
  let asked = null; // {session, state, request, timer, left: clicks to look at closely}
  let request = 0;
  let placing = false;

  /** What a session does is done to the label that was in hand when it began. */
  const doesTo = (editor) => ({
    journal,
    openId: desk.openId,
    label: editor.label.id,
    own: (photo) => editor.state(photo),
    place(photo, runs, marks) {
      placing = true;
      editor.place(photo, runs, marks);
      placing = false;
      draw();
    },
    show(session) {
      if (editor.reach(session.photo) === null) return false;
      open = desk.pointing() ? session : null;
      draw();
      return true;
    },
    ask,
  });
  journal.guard(() => held !== null);

  function ask(session, left = Infinity) {
    draw();
    if (asked) return; // once that answer is here
    const { photo, state } = session;
    asked = { session, state, request: ++request, timer: setTimeout(() => fail(), PATIENCE), left };
    desk.busy(true);
    const { label } = session.does;
    send({ photo: photo.name, ...(label && { label }), request, width: photo.width, height: photo.height, clicks: session.shown, before: state.from });
  }

  function settle() {
    const before = asked;
    clearTimeout(asked?.timer);
    asked = null;
    desk.busy(false);
    return before;
  }

  function fail(word = "point-failed") {
    const { session, state } = settle();
    desk.say(word, lowest(state));
    session.refuse(state);
    next(session);
  }

  // What was set while the server answered; nothing, where the photo was edited otherwise since.
  function next(session, left) {
    if (session.overtaken) close();
    else if (session.state.runs === undefined) ask(session, left);
    draw();
  }

  function close() {
    held = null;
    if (asked) settle().session.close();
    open?.close();
    open = null;
    draw();
  }

  /** The session that a point or a box at a place of the photo belongs to. */
  function sessionAt(point) {
    const box = open?.state.box;
    if (box && point && (point.x < box[0] || point.y < box[1] || point.x > box[2] || point.y > box[3])) close(); // another lesion
    open ??= new PointSession(desk.photo(), desk.editor.shownRuns(), doesTo(desk.editor.hand));
    return open;
  }

  function draw() {
    const { points = [], box = null } = open?.state ?? {};
    const frame = held?.number === -1 && held.moved && held.lesion && !picks() ? boxOf(held) : box;
    const shown = points.map((one, i) => (held?.number === i ? { ...one, ...held.to } : one));
    desk.sketch.show([
      ...(frame ? [{ kind: "box", points: [{ x: frame[0], y: frame[1] }, { x: frame[2], y: frame[3] }] }] : []),
      { kind: "marks", points: shown },
    ]);
    desk.pointsShown(open?.count ?? 0);
  }

  function nearest(at, pointer) {
    const reach = (NEAR[pointer] ?? NEAR.mouse) / desk.view().scale;
    const far = (open?.state.points ?? []).map(({ x, y }) => Math.hypot(x - at.x, y - at.y));
    const number = far.indexOf(Math.min(...far));
    return number >= 0 && far[number] <= reach ? number : -1;
  }

  /** Whether a click means a whole island. */
  const picks = () => desk.pointKind() === "remove" || desk.pointKind() === "keep";

  function inside({ x, y }) {
    const { width, height } = desk.photo();
    return x >= 0 && y >= 0 && x <= width && y <= height;
  }

  function setDown({ number, from, to, lesion, moved }) {
    if (number >= 0) {
      if (!moved) open.remove(number);
      else if (inside(to)) open.move(number, to);
    } else if (moved && lesion) {
      if (open?.count) close(); // another box is another lesion
      sessionAt(from).setBox(boxOf({ from, to }));
    } else if (inside(to)) sessionAt(lesion ? to : null).add({ ...to, lesion });
  }

  return {
    takesRight: true,
    start(point, event) {
      if (open?.overtaken) close();
      const at = desk.toPhoto(point);
      const lesion = desk.pointKind() !== "subtract" && event?.button !== 2 && !event?.altKey && !event?.ctrlKey;
      held = { number: picks() ? -1 : nearest(at, event?.pointerType), from: at, to: at, lesion, moved: false };
    },
    move(points) {
      if (!held) return;
      held.to = desk.toPhoto(points.at(-1));
      held.moved ||= Math.hypot(held.to.x - held.from.x, held.to.y - held.from.y) * desk.view().scale > STILL;
      draw();
    },
    end() {
      const done = held;
      held = null;
      if (!done) return;
      if (picks()) desk.editor.pick(desk.pointKind(), done.from, NEAR.touch / 2 / desk.view().scale);
      else setDown(done);
      draw();
    },
    cancel() {
      held = null;
      draw();
    },
    hover() {},
    /** Accept: what is outlined stays, the points go from sight. */
    leave: close,
    back() {
      if (open?.state.points.length) open.remove(open.state.points.length - 1);
      else if (open?.state.box) open.setBox(null);
    },
    redraw: draw,
    count: () => open?.count ?? 0,
    /** The server's answer: {photo, request} with {width, height, runs}, {nothing}, {left} or {problem}; one that comes after a newer edit is dropped. */
    answer(reply) {
      if (!asked || reply?.request !== asked.request || reply.photo !== asked.session.photo.name) return;
      if (reply.problem || reply.nothing) {
        fail(reply.problem ? "point-failed" : "point-nothing");
        return;
      }
      if (reply.left >= asked.left) {
        fail(); // the server keeps nothing of what it finds
        return;
      }
      const { session, state } = settle();
      if (reply.left) {
        next(session, state === session.state ? reply.left : Infinity); // the same again, or what was set since
        return;
      }
      session.answer(state, reply.runs);
      if (reply.read) desk.say("point-reread", lowest(state));
      next(session);
    },
    /** Another edit was made: what is set next begins a new correction. */
    settled() {
      if (!placing && (open || asked)) close();
    },
  };
}

function boxOf({ from, to }) {
  return [Math.min(from.x, to.x), Math.min(from.y, to.y), Math.max(from.x, to.x), Math.max(from.y, to.y)];
}

/** The point below what was set last, where a line about it stands. */
function lowest({ points, box }) {
  return points.at(-1) ?? (box && { x: (box[0] + box[2]) / 2, y: box[3] });
}
