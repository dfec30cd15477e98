// The viewer's keys. Digits and most letters belong to the cards; keys typed into a field are the field's.

import { isField, onKey, onRelease } from "../../frame/keys/keyboard.mjs";

export function followKeys(stage, toolbox, does) {
  const keys = {
    h: () => does.setHidden(true),
    m: does.nextMode,
    "/": does.compare,
    "\\": does.second,
    "<": () => does.display.turn(-90),
    ">": () => does.display.turn(90),
    "|": does.display.flip,
    ";": does.display.nextChannel,
    "'": does.display.reset,
    f: does.alone.toggle,
    v: () => toolbox.choose("view"),
    b: () => toolbox.choose("brush"),
    e: () => toolbox.choose("eraser"),
    p: () => toolbox.choose("polygon"),
    w: () => toolbox.choose("point"),
    '"': () => toolbox.choose("ruler"),
    "#": () => toolbox.choose("cover"),
    l: does.nextLabel,
    x: () => toolbox.swap(),
    "0": does.fit,
    "+": () => does.zoom(1.25),
    "=": () => does.zoom(1.25),
    "-": () => does.zoom(1 / 1.25),
    "[": () => does.go(-1),
    "]": () => does.go(1),
    ArrowLeft: () => does.go(-1),
    ArrowRight: () => does.go(1),
  };
  const isControl = (target) => target.closest?.("button, summary, a, input, select, [role=button], [role=slider]");

  onKey(document, ({ key, ctrl, alt }, event) => {
    if (alt && event.target !== stage) return;
    if (!does.open() || isField(event.target) || document.querySelector("dialog[open]")) return;
    if (ctrl || (key === "f" && event.shiftKey)) return;
    if (key === "Escape" && does.alone.on && !toolbox.unfinished()) {
      event.preventDefault();
      does.alone.set(false);
      return;
    }
    if (event.target === stage && toolbox.keyOnStage(event)) {
      event.preventDefault();
      return;
    }
    const held = isControl(event.target) && !(key === " " && toolbox.pointing()); // a button clicked before has the focus still
    if (held && (key === " " || key === "Enter" || (key.startsWith("Arrow") && event.target.matches("input")))) return;
    if (key === " ") {
      if (!toolbox.inHand() && toolbox.name === "view") return; // the page may scroll
      toolbox.setPan(true);
    } else if (toolbox.key(key)) {
      // it meant the tool in use
    } else if (does.chooseLabel(key)) {
      // a label's own letter
    } else if (keys[key]) keys[key]();
    else return;
    event.preventDefault();
  });
  onRelease(document, (key, event) => {
    if (key === "h") does.setHidden(false);
    if (key === " " && toolbox.setPan(false)) event.preventDefault();
    toolbox.keyUp(key);
  });
  window.addEventListener("blur", () => {
    does.setHidden(false);
    toolbox.setPan(false);
  });
  const known = new Set([...Object.keys(keys), "[", "]"]);
  return { has: (key) => known.has(key) || does.isLabel(key) };
}
