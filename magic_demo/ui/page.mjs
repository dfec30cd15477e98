// What belongs to the whole page: the language shown, files dropped anywhere, and results that no longer fit the case.

import "./looks.mjs"; // the theme, before the page is drawn
import { firstLanguage, showLanguage, switchLanguage } from "./language.mjs";

function chooseLanguage(language) {
  if (!switchLanguage(language)) return;
  document.querySelector("#language [data-language]")?.dispatchEvent(new CustomEvent("magic-language", { detail: language, bubbles: true }));
}

document.addEventListener("magic-choose-language", (event) => chooseLanguage(event.detail));
document.addEventListener("magic-language-ready", () => start());

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
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  document.documentElement.classList.add("is-dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.documentElement.classList.remove("is-dropping");
});
document.addEventListener("drop", (event) => {
  document.documentElement.classList.remove("is-dropping");
  if (!hasFiles(event)) return;
  event.preventDefault();
  addFiles([...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) addFiles(files);
});

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

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) document.querySelector("#run")?.click();
  if (event.key === "Escape") for (const about of document.querySelectorAll("details.about[open]")) about.open = false;
});
