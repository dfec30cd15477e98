// The viewer's keys. Digits and most letters belong to the cards; keys typed into a field are the field's.

export function followKeys(stage, toolbox, does) {
  const keys = {
    h: () => does.setHidden(true),
    m: does.nextMode,
    "/": does.compare,
    v: () => toolbox.choose("view"),
    b: () => toolbox.choose("brush"),
    e: () => toolbox.choose("eraser"),
    p: () => toolbox.choose("polygon"),
    w: () => toolbox.choose("wand"),
    "#": () => toolbox.choose("cover"),
    x: () => toolbox.swap(),
    z: does.undo,
    y: does.redo,
    "0": does.fit,
    "+": () => does.zoom(1.25),
    "=": () => does.zoom(1.25),
    "-": () => does.zoom(1 / 1.25),
    "[": () => does.go(-1),
    "]": () => does.go(1),
    ArrowLeft: () => does.go(-1),
    ArrowRight: () => does.go(1),
  };
  const isField = (target) => target.closest?.("textarea, select, [contenteditable=true], input:not([type=range]):not([type=checkbox]):not([type=radio])");
  const isControl = (target) => target.closest?.("button, summary, a, input, select, [role=button], [role=slider]");

  document.addEventListener("keydown", (event) => {
    if (event.altKey && event.target !== stage) return;
    if (!does.open() || isField(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      if (key === "y" || event.shiftKey) does.redo();
      else does.undo();
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
    } else if (keys[key]) keys[key]();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "h") does.setHidden(false);
    if (event.key === " " && toolbox.setPan(false)) event.preventDefault();
    toolbox.keyUp(event.key);
  });
  window.addEventListener("blur", () => {
    does.setHidden(false);
    toolbox.setPan(false);
  });
}
