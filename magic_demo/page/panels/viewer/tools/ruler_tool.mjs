// Ruler: two clicks, or a drag, along something of known length, then along what is to be measured; a click on a line takes it away.

import { journal } from "../../frame/keys/journal.mjs";
import { isField, onKey } from "../../frame/keys/keyboard.mjs";
import { beginsLength, lengthOf, lineAt, lineBetween, NEAR, readMm, sayLength } from "./rulers.mjs";

const STILL = 6; // window pixels: who moves further has drawn the line

export function rulerTool(desk, root, rulers) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const typed = find("ruler-mm");
  const common = find("ruler-common");
  let from = null; // the end that was set first, on the photo as it is drawn
  let held = null; // what the pointer holds: {at, to, moved, removes}
  let calibrates = false;
  let tapped = false; // a finger has just set the end of the calibrated line
  let mm = readMm(typed.value);

  journal.guard(() => held !== null);

  function draw(to = null) {
    const start = from ?? (held?.moved ? held.at : null);
    desk.sketch.show(start ? [{ kind: "line", points: [start, to ?? start], dashed: true }, { kind: "dots", points: [start] }] : []);
  }

  function give() {
    from = held = null;
    draw();
  }

  function add(to, touches) {
    const photo = desk.photo();
    const [start, known] = [from ?? held.at, calibrates || !rulers.of(photo).known];
    give();
    const line = lineBetween(photo, start, to);
    if (Math.hypot(to.x - start.x, to.y - start.y) * desk.view().scale < STILL || !lengthOf(line)) return;
    rulers.add(photo, line, { calibrates: known, mm });
    setCalibrates(false);
    desk.announce(sayLength(lengthOf(line), rulers.scale(photo)));
    tapped = known && touches;
    if (known) askLength();
  }

  /** Let the keys write how long the calibrated line is. */
  function askLength() {
    typed.focus({ preventScroll: true });
    typed.select();
  }

  // A tap ends with a mouse's press of its own, which would take the focus to the photo again.
  find("stage").addEventListener("mousedown", (event) => {
    if (tapped) event.preventDefault();
    tapped = false;
  });

  function setCalibrates(on) {
    calibrates = on;
    const known = on || !desk.photo() || !rulers.of(desk.photo()).known;
    root.toggleAttribute("data-calibrates", known);
    for (const button of root.querySelectorAll("button[data-ruler]")) button.setAttribute("aria-pressed", String((button.dataset.ruler === "known") === known));
  }

  function setMm(value) {
    const length = readMm(value);
    if (length === null) desk.say("ruler-mm");
    else {
      mm = length;
      if (desk.photo()) rulers.setMm(desk.photo(), mm);
    }
    showMm();
  }

  function showMm() {
    typed.value = String(mm);
    common.value = [...common.options].some((one) => one.value === String(mm)) ? String(mm) : "";
  }

  typed.addEventListener("change", () => setMm(typed.value));
  onKey(typed, ({ key }, event) => {
    if (key !== "Enter" && key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (key === "Escape") showMm();
    else setMm(typed.value);
    find("stage").focus({ preventScroll: true });
  });
  // Before the cards hear of it: who calibrates types a length, and leads to no question.
  onKey(
    window,
    ({ key, ctrl, alt }, event) => {
      const calibrating = root.dataset.tool === "ruler" && root.hasAttribute("data-calibrates");
      if (ctrl || alt || !calibrating || !beginsLength(key) || isField(event.target) || event.target.closest?.("#cards-panel") || document.querySelector("dialog[open]")) return;
      event.stopPropagation();
      askLength(); // which takes the digit in
    },
    { capture: true },
  );
  common.addEventListener("change", () => common.value && setMm(common.value));
  for (const button of root.querySelectorAll("button[data-ruler]")) button.addEventListener("click", () => setCalibrates(button.dataset.ruler === "known"));

  return {
    start(point, event) {
      tapped = false;
      const at = desk.toPhoto(point);
      const reach = (NEAR[event?.pointerType] ?? NEAR.mouse) / desk.view().scale;
      held = { at, to: at, moved: false, removes: from ? null : lineAt(desk.photo(), rulers.of(desk.photo()), at, reach) };
    },
    move(points) {
      if (!held) return;
      held.to = desk.toPhoto(points.at(-1));
      held.moved ||= Math.hypot(held.to.x - held.at.x, held.to.y - held.at.y) * desk.view().scale > STILL;
      draw(held.to);
    },
    end(event) {
      if (!held) return;
      const touches = event?.pointerType === "touch";
      const { at, to, moved, removes } = held;
      if (moved) add(to, touches);
      else if (removes !== null) {
        give();
        rulers.remove(desk.photo(), removes);
        this.shown();
      } else if (from) add(at, touches);
      else {
        from = at;
        held = null;
        draw();
      }
    },
    cancel() {
      held = null;
      draw();
    },
    hover(point) {
      if (from) draw(point && desk.toPhoto(point));
    },
    leave: give,
    back() {
      const ruler = rulers.of(desk.photo());
      if (from) give();
      else if (ruler.lines.length || ruler.known) rulers.remove(desk.photo(), ruler.lines.length - 1);
      this.shown();
    },
    count: () => (from ? 1 : 0),
    /** Another photo is shown, or what is measured in it has changed. */
    shown() {
      mm = (desk.photo() && rulers.of(desk.photo()).mm) ?? mm;
      showMm();
      setCalibrates(calibrates);
    },
  };
}
