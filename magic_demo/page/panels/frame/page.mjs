// What belongs to the whole page: the language shown, files dropped anywhere, and results that no longer fit the case.

import "./theme/looks.mjs"; // the theme, before the page is drawn
import { bringsPhotos, droppedPhotos, pastedPhotos } from "../case/incoming.mjs";
import { onKey } from "./keys/keyboard.mjs";
import "../case/unkept/sign_out.mjs";
import "./keys/undo_keys.mjs";
import { firstLanguage, showLanguage, switchLanguage } from "./language.mjs";
import { watchPastedText } from "./pasted_text.mjs";

function chooseLanguage(language) {
  if (!switchLanguage(language)) return;
  document.querySelector("#language [data-language]")?.dispatchEvent(new CustomEvent("magic-language", { detail: language, bubbles: true }));
}

document.addEventListener("magic-choose-language", (event) => chooseLanguage(event.detail));
document.addEventListener("magic-language-ready", () => start());

// Who opens the link of a case and has to sign in first comes to that case: redirects keep what follows the #, forms do not.
const signIn = document.querySelector('body.sign-in form[action="sign-in"]');
if (signIn) signIn.action += location.hash;

let started = false;
function start() {
  if (started || !document.querySelector("#language [data-language]")) return;
  started = true;
  const language = firstLanguage();
  if (language === "en") showLanguage("en");
  else chooseLanguage(language);
}
showLanguage(firstLanguage());
start();

// Files dropped anywhere, or pasted, go the way of the button.
function addFiles(files) {
  const input = document.querySelector("#photos input[type=file]");
  if (!input || !files.length) return;
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
let within = false; // a drag that began on this page
const goOut = () => (within = false);
document.addEventListener(
  "dragstart",
  () => {
    within = true;
    document.addEventListener("pointermove", goOut, { capture: true, once: true }); // no pointer moves while something is dragged
  },
  { capture: true },
);
document.addEventListener("dragend", goOut, { capture: true });
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault(); // else the browser would leave the page and show the file
  document.documentElement.classList.toggle("is-dropping", bringsPhotos(event, within));
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.documentElement.classList.remove("is-dropping");
});
document.addEventListener("drop", (event) => {
  document.documentElement.classList.remove("is-dropping");
  if (!hasFiles(event)) return;
  event.preventDefault();
  addFiles(droppedPhotos(event, within));
  goOut();
});
document.addEventListener("paste", (event) => {
  const files = pastedPhotos(event);
  if (!files.length) return;
  event.preventDefault();
  addFiles(files);
});

watchPastedText();

function markExample(open) {
  for (const example of document.querySelectorAll("[data-example]")) example.setAttribute("aria-pressed", String(example === open));
}
document.addEventListener("magic-photos", () => markExample(null)); // photos of one's own begin a case of one's own

// Results are of the words they were made from; typing others says so until the next analysis.
document.addEventListener("input", (event) => {
  if (event.target.closest("#narrative, #prompt")) document.querySelector("#cards-panel")?.classList.add("is-stale");
});
document.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (example || event.target.closest("#new-case")) markExample(example);
  if (event.target.closest("#run, [data-example], #new-case")) document.querySelector("#cards-panel")?.classList.remove("is-stale");
  for (const about of document.querySelectorAll("details.about[open]")) if (!about.contains(event.target)) about.open = false;
});

onKey(document, ({ key, ctrl }) => {
  if (key === "Enter" && ctrl) document.querySelector("#run")?.click();
  if (key === "Escape") for (const about of document.querySelectorAll("details.about[open]")) about.open = false;
});
