// The language shown: English and Chinese are both on the page, the style sheet shows one, attributes are switched here.

const LANGUAGES = ["en", "zh"];
const ATTRIBUTES = ["title", "aria-label", "placeholder", "label"];
const STORAGE_KEY = "magic-demo-language";

export function showLanguage(language) {
  const page = document.documentElement;
  page.lang = language;
  page.dataset.language = language;
  for (const attribute of ATTRIBUTES) {
    for (const element of document.querySelectorAll(`[data-${attribute}-${language}]`)) {
      element.setAttribute(attribute, element.getAttribute(`data-${attribute}-${language}`));
    }
  }
  for (const button of document.querySelectorAll("[data-language][aria-pressed]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}

/** Show a language and keep it for the next visit; false where there is no such language. */
export function switchLanguage(language) {
  if (!LANGUAGES.includes(language)) return false;
  showLanguage(language);
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // a browser that keeps nothing still switches
  }
  return true;
}

export function firstLanguage() {
  let stored = null;
  try {
    stored = localStorage.getItem(STORAGE_KEY);
  } catch {
    // see above
  }
  return LANGUAGES.includes(stored) ? stored : navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
