// Light or dark, and the sheet of keys. The page follows the system until the reader chooses.

import { isField, onKey } from "../keys/keyboard.mjs";

const STORAGE_KEY = "magic-demo-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
export const themeNow = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

function keptTheme() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

export function chooseTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(STORAGE_KEY, theme); // a browser that keeps nothing still switches
  } catch {
    // see above
  }
}

const storedTheme = keptTheme();
if (storedTheme === "light" || storedTheme === "dark") document.documentElement.dataset.theme = storedTheme;

export function mountLooks(element) {
  const theme = element.querySelector("#theme");
  const sheet = element.querySelector("#keys-sheet");
  const mark = () => theme.setAttribute("aria-pressed", String(themeNow() === "light"));
  theme.addEventListener("click", () => {
    chooseTheme(themeNow() === "dark" ? "light" : "dark");
    mark();
  });
  dark.addEventListener("change", mark);
  mark();

  const open = () => sheet.open || sheet.showModal();
  element.querySelector("#keys-open").addEventListener("click", open);
  element.querySelector("#keys-close").addEventListener("click", () => sheet.close());
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close()); // beside the sheet
  onKey(document, ({ key, ctrl, alt }, event) => {
    if (key !== "?" || ctrl || alt || isField(event.target)) return;
    event.preventDefault();
    if (sheet.open) sheet.close();
    else open();
  });
}
