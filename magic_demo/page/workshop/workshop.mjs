// The workshop menu: the guide, presenter mode, the audience board, a clean start.

import { mountGuide } from "./guide.mjs";
import { onKey } from "../panels/frame/keys/keyboard.mjs";
import { forgetDrafts } from "../panels/case/unkept/sign_out.mjs";

const PRESENTING = "magic-demo-presenter";
const BOARD = "magic-demo-board";
const CLOSING = 3000; // milliseconds that the server has to close the case

const readStored = (name) => {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
};

function present(on) {
  document.documentElement.toggleAttribute("data-presenter", on);
  document.querySelector("#presenter").setAttribute("aria-pressed", String(on));
  document.querySelector("#presenter-leave").hidden = !on;
  try {
    if (on) sessionStorage.setItem(PRESENTING, "1");
    else sessionStorage.removeItem(PRESENTING);
  } catch {
    // a browser that keeps nothing forgets it when the page is loaded again
  }
  dispatchEvent(new Event("resize"));
}

/** Let a button of presenter mode set an attribute of the page's, and those beside it, which exclude it, take theirs away. */
function mountChoice(button, name, others) {
  const page = document.documentElement;
  button.addEventListener("click", () => {
    page.toggleAttribute(name);
    button.setAttribute("aria-pressed", String(page.hasAttribute(name)));
    for (const [other, attribute] of others) {
      page.removeAttribute(attribute);
      other.setAttribute("aria-pressed", "false");
    }
    dispatchEvent(new Event("resize"));
  });
}

/** Close what this browser has open, forget what it keeps of this page, and load the page anew. */
async function startAfresh() {
  const open = () => document.querySelector("#viewer .viewer")?.dataset.state === "photo" || document.querySelector(".cards:not([data-closed])");
  document.querySelector("#new-case")?.click();
  const boards = [sessionStorage, localStorage].map((storage) => storage.getItem(BOARD)).filter(Boolean);
  for (const board of boards) {
    const { code, key } = JSON.parse(board);
    await fetch("board/close", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code, key }) }).catch(() => {});
  }
  const end = Date.now() + CLOSING;
  if ("empties" in document.querySelector("#reset-yes").dataset) {
    await fetch("start-afresh", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
  }
  while (open() && Date.now() < end) await new Promise((done) => setTimeout(done, 50));
  await forgetDrafts();
  for (const storage of [sessionStorage, localStorage]) {
    for (const name of Object.keys(storage)) if (name.startsWith("magic-demo")) storage.removeItem(name);
  }
  location.assign(location.pathname);
}

export function mountWorkshop(element) {
  const at = (id) => element.querySelector(`#${id}`);
  const menu = at("workshop-menu");
  const reset = at("reset");
  const guide = mountGuide(element.querySelector("#guide"));
  const close = () => (menu.open = false);
  at("guide-open").addEventListener("click", () => {
    close();
    guide();
  });
  at("presenter").addEventListener("click", () => {
    close();
    present(!document.documentElement.hasAttribute("data-presenter"));
  });
  const [nine, one] = [at("presenter-nine"), at("presenter-one")];
  mountChoice(at("presenter-panel"), "data-panel", []);
  mountChoice(nine, "data-nine", [[one, "data-one"]]);
  mountChoice(one, "data-one", [[nine, "data-nine"]]);
  at("presenter-leave").addEventListener("click", () => present(false));
  at("board-open").addEventListener("click", close);
  at("reset-open").addEventListener("click", () => {
    close();
    reset.showModal();
  });
  at("reset-no").addEventListener("click", () => reset.close());
  at("reset-yes").addEventListener("click", startAfresh);
  document.addEventListener("click", (event) => menu.contains(event.target) || close());
  onKey(document, ({ key }) => {
    if (key !== "Escape" || !menu.open) return;
    close();
    at("workshop-open").focus();
  });
  if (readStored(PRESENTING) !== null || new URLSearchParams(location.search).has("presenter")) present(true);
}
