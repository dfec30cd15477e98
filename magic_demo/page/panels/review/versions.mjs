// Looking at an earlier version of one's own review: cards and viewer show it, nothing can be changed meanwhile, and the bar says so. Brought back,
// it is one more step of the history, which can be undone.

import { journal } from "../frame/keys/journal.mjs";
import { onKey } from "../frame/keys/keyboard.mjs";
import { sendRest, unsaved } from "./saving/review_line.mjs";
import { onLanguage } from "../frame/words.mjs";

/** choices: fields that hold one of several values. number(which): how manieth of the case's versions one is; take(version): puts the bar's own fields. */
export function mountVersions(root, { props, watch, trigger, word, choices, openId, number, take }) {
  const find = (id) => root.querySelector(`#version-${id}`);
  let shown = null;
  const known = new Map(); // what came already: a saved version never changes, and the same value coming again would not be heard of

  function show(version) {
    if (version === shown || (version && version.case !== openId())) return;
    shown = version;
    document.documentElement.toggleAttribute("data-looking", shown !== null);
    document.dispatchEvent(new CustomEvent("review-look", { detail: shown }));
    draw();
  }

  function look(which) {
    const version = known.get(which);
    if (version?.case === openId()) show(version);
    else trigger("look", { case: openId(), of: unsaved.of(openId()), number: which });
  }

  /** A version has come. */
  function arrive(version) {
    if (version) known.set(version.number, version);
    show(version);
  }

  function draw() {
    find("bar").hidden = shown === null;
    if (!shown) return;
    const time = new Date(shown.at).toLocaleString(document.documentElement.lang || "en", { dateStyle: "short", timeStyle: "short" });
    find("which").textContent = word("version").replace("{number}", number(shown.number)).replace("{time}", time);
    const says = [word(shown.kind), word(shown.state), Object.keys(shown.masks).length ? "" : word("no-outline"), shown.flagged ? "⚑" : "", ...choices.map((name) => (shown[name] ? word(`${name} ${shown[name]}`) : "")), shown.comment && `“${shown.comment}”`];
    find("says").textContent = says.filter(Boolean).join(" · ");
  }

  function close() {
    show(null);
  }

  function bringBack() {
    if (!shown) return;
    const which = shown.number;
    close();
    const heard = sendRest(openId());
    trigger("back", { case: openId(), of: unsaved.of(openId()), number: which, heard });
  }

  /** The server has made it the newest. */
  function receive(back) {
    if (!back || back.case !== openId()) return;
    close();
    journal.together(() => {
      document.dispatchEvent(new CustomEvent("review-taken-back", { detail: back }));
      take(back);
    });
  }

  find("back").addEventListener("click", bringBack);
  find("close").addEventListener("click", close);
  onKey(window, ({ key }, event) => {
    if (!shown || key !== "Escape" || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    close();
  }, { capture: true });
  journal.guard(() => shown !== null);
  onLanguage(draw);
  watch("version", () => arrive(props.version));
  watch("back", () => receive(props.back));
  return { look, close, looking: () => shown !== null };
}
