// The agreement page's filters and bar. Everything drawn comes from the server as HTML; here buttons are heard and the focus is kept.

import { firstLanguage, showLanguage, switchLanguage } from "../panels/frame/language.mjs";
import { chooseTheme, themeNow } from "../panels/frame/theme/looks.mjs";

/** Tell the server which filter's button was pressed; keep the focus on it when the filters are drawn again. */
export function mountFilters(element, { trigger, watch }) {
  let focused = null;
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-filter]");
    if (!button) return;
    focused = `[data-filter="${button.dataset.filter}"][data-value="${CSS.escape(button.dataset.value)}"]`;
    trigger("filter", { name: button.dataset.filter, value: button.dataset.value });
  });
  watch("value", () => {
    if (!focused || element.contains(document.activeElement)) return;
    if (document.activeElement === document.body) element.querySelector(focused)?.focus();
    focused = null;
  });
}

/** The bar: back, light or dark, the language. */
export function mountBar(element) {
  const theme = element.querySelector("#theme");
  const mark = () => theme.setAttribute("aria-pressed", String(themeNow() === "light"));
  theme.addEventListener("click", () => {
    chooseTheme(themeNow() === "dark" ? "light" : "dark");
    mark();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", mark);
  mark();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#agreement-language [data-language]");
    if (button) switchLanguage(button.dataset.language);
  });
  showLanguage(firstLanguage());
}
