// What the board's two pages share: asking the server, what went wrong, language, theme, and a case with its photos.

import { firstLanguage, showLanguage, switchLanguage } from "../../panels/frame/language.mjs";

/** What the server refused, by its reason; "lost" where it did not answer. */
export class Refused extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

export async function ask(what, fields, fetching = fetch) {
  let answer;
  try {
    answer = await fetching(`board/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) });
    if (answer.ok) return await answer.json();
  } catch {
    throw new Refused("lost");
  }
  const refusal = await answer.json().catch(() => ({}));
  throw new Refused(refusal.reason ?? "lost");
}

/** Show one of the page's own lines, or none. */
export function tellTrouble(reason) {
  const trouble = document.querySelector("#trouble");
  const line = reason && (document.querySelector(`[data-said="${reason}"]`) ?? document.querySelector('[data-said="lost"]'));
  trouble.hidden = !line;
  if (line && trouble.dataset.reason !== reason) trouble.innerHTML = line.innerHTML;
  trouble.dataset.reason = reason ?? "";
}

/** Do something now and then again and again, never twice at once, and not while nobody sees the page. */
export function repeat(milliseconds, does) {
  let running = false;
  const step = async () => {
    if (running || document.hidden) return;
    running = true;
    try {
      await does();
    } finally {
      running = false;
    }
  };
  document.addEventListener("visibilitychange", step);
  step();
  return setInterval(step, milliseconds);
}

export function mountLanguages(after = () => {}) {
  const choose = (language) => {
    switchLanguage(language);
    after(language);
  };
  for (const button of document.querySelectorAll("[data-language]")) button.addEventListener("click", () => choose(button.dataset.language));
  showLanguage(firstLanguage());
  after(firstLanguage());
}

/** Show a case's photos and words; the photos of another are fetched only then. */
export function showCase(number) {
  const photos = document.querySelector("#photos");
  if (photos.dataset.case === String(number)) return;
  photos.dataset.case = String(number);
  for (const words of document.querySelectorAll(".words")) words.hidden = Number(words.dataset.case) !== number;
  const words = document.querySelector(`.words[data-case="${number}"]`);
  const count = Number(words?.dataset.photos ?? 0);
  photos.classList.toggle("is-empty", count === 0);
  photos.closest(".case").classList.toggle("is-wordless", !words?.textContent.trim());
  photos.replaceChildren(...Array.from({ length: count }, (_, index) => photoButton(photos, number, index)));
  photos.firstElementChild?.setAttribute("aria-pressed", "true");
}

function photoButton(photos, number, index) {
  const button = document.createElement("button");
  const image = document.createElement("img");
  button.type = "button";
  button.className = "photo";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `${index + 1}`);
  image.src = `board/photos/${number}/${index}.jpg`;
  image.alt = "";
  button.append(image);
  button.addEventListener("click", () => {
    for (const sibling of photos.children) sibling.setAttribute("aria-pressed", String(sibling === button));
  });
  return button;
}

export function showQuestion(index) {
  let shown = null;
  for (const question of document.querySelectorAll(".question")) {
    question.hidden = Number(question.dataset.index) !== index;
    if (!question.hidden) shown = question;
  }
  return shown;
}

/** What this tab keeps until it is closed. */
export function readStored(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}
export function writeStored(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // a browser that keeps nothing loses its seat when the page is loaded again
  }
}
