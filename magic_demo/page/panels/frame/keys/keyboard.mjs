// Which key was pressed, decided here for every shortcut of the page: other parts listen through onKey and never to "keydown" itself.
//
// A key press that an input method uses to compose text is nobody's. A shortcut is the sign that the key types: that reaches "[" or "#" where a layout
// has them behind AltGr or Option. Where a key types no Latin letter (Cyrillic, Greek, Chinese punctuation) it is what an English keyboard
// has in its place.

const COMPOSES = 229; // the key code of a press that an input method takes; Safari gives it to the Enter that ends a composition, too
const DIGITS = [")", "!", "@", "#", "$", "%", "^", "&", "*", "("];
const SIGNS = {
  Minus: "-_",
  Equal: "=+",
  BracketLeft: "[{",
  BracketRight: "]}",
  Semicolon: ";:",
  Quote: "'\"",
  Comma: ",<",
  Period: ".>",
  Slash: "/?",
  Backslash: "\\|",
  Backquote: "`~",
};
const APPLE = /^(Mac|iP)/.test(globalThis.navigator?.platform ?? "");
const FIELDS = "textarea, select, [contenteditable]:not([contenteditable=false]), input:not([type=range], [type=checkbox], [type=radio], [type=button], [type=file])";

/** Whether an input method is composing text, or has just ended it with this key. */
const isComposing = (event) => event.isComposing || event.keyCode === COMPOSES;

/** Whether keys, and what is pasted, belong to the field that they come to. */
export const isField = (target) => Boolean(target.closest?.(FIELDS));

/** Return what an English keyboard types in a key's place; undefined for a key that types nothing. */
function inEnglish(code = "", shift = false) {
  const [, letter, digit] = /^Key([A-Z])$|^(?:Digit|Numpad)(\d)$/.exec(code) ?? [];
  if (letter) return letter.toLowerCase();
  if (digit) return shift && code.startsWith("Digit") ? DIGITS[digit] : digit;
  return SIGNS[code]?.[shift ? 1 : 0];
}

/** Return a sign at its usual width: Chinese and Japanese input methods have every sign a second time, as wide as their characters. */
function halfWidth(key) {
  if (key === "\u3000") return " ";
  return /^[\uff01-\uff5e]$/.test(key) ? String.fromCharCode(key.charCodeAt(0) - 0xfee0) : key;
}

function signOf({ key, code, shiftKey }) {
  const typed = halfWidth(key);
  if ([...typed].length > 1) return typed; // Enter, ArrowLeft
  const greek = code === "KeyQ" && (typed === ";" || typed === ":"); // the one key that has no letter on a Greek keyboard
  if (greek || (typed > "\u024f" && !/\p{Script=Latin}/u.test(typed))) return inEnglish(code, shiftKey) ?? typed;
  return typed.toLowerCase();
}

/**
 * Return what a key press means: {key, ctrl, alt, shift}, or null where it is part of a composition.
 *
 * key: a letter in lower case, a sign, or a name such as "Enter". ctrl: Ctrl or Cmd was held to command. alt: likewise; not where it only served to type a sign.
 */
export function readKey(event) {
  if (isComposing(event)) return null;
  const typed = halfWidth(event.key);
  const third = Boolean(event.getModifierState?.("AltGraph")); // Windows says Ctrl and Alt as well
  const sign = /^[!-/:-@[-`{-~]$/.test(typed);
  if (sign && (third || (event.altKey && (APPLE || typed !== inEnglish(event.code, event.shiftKey))))) {
    return { key: typed, ctrl: false, alt: false, shift: event.shiftKey };
  }
  return { key: signOf(event), ctrl: event.ctrlKey || event.metaKey, alt: event.altKey || third, shift: event.shiftKey };
}

/** Call act(pressed, event) for every key pressed within target that no composition uses; pressed: see readKey. */
export function onKey(target, act, options) {
  target.addEventListener(
    "keydown",
    (event) => {
      const pressed = readKey(event);
      if (pressed) act(pressed, event);
    },
    options,
  );
}

/** Call act(key) for every key that is let go, whatever was composed or held meanwhile. */
export function onRelease(target, act) {
  target.addEventListener("keyup", (event) => act(signOf(event), event));
}
