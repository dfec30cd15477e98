// The patient's words in the language that the field does not show. Who changes the field's words is read in these alone: then nothing stands beside.

import { readField, watchField } from "../../gradio_internals/elements.mjs";

const OPEN = "magic-demo-other-words"; // whether this browser's reader has them open
const LANGUAGES = { en: ["en", "English"], zh: ["zh-CN", "中文"] };

export function mountWords(element, { props, watch }) {
  const details = element.querySelector("#other-words");
  const text = details.querySelector("p");

  function show() {
    const words = readField("narrative").trim();
    const value = props.value ?? {};
    const other = !words ? null : words === value.en ? "zh" : words === value.zh ? "en" : null;
    details.hidden = !other || !value[other];
    if (details.hidden) return;
    const summary = details.querySelector("summary");
    [text.lang, summary.textContent] = LANGUAGES[other];
    summary.lang = text.lang;
    text.textContent = value[other];
  }

  const kept = localStorage.getItem(OPEN);
  details.open = kept === null ? window.innerHeight > 800 : kept === "true"; // on a laptop the field needs the room
  details.querySelector("summary").addEventListener("click", () => localStorage.setItem(OPEN, String(!details.open)));
  watch("value", show); // the field gets its words with the same answer, before or after
  watchField("narrative", show);
  show();
}
