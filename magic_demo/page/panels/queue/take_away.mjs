// The menu of what can be taken away: fetches an export, says how it goes, and hands the file over.

import { onKey } from "../frame/keys/keyboard.mjs";

/** Name a queue's export; consensus: a case that has one goes with it alone. */
export function exportAddress(format, queue, consensus) {
  return `take-away/${format}?${new URLSearchParams({ queue, ...(consensus && { consensus: "yes" }) })}`;
}

/** menu: the opened list of formats. state(): {queue} of the list as it is now. */
export function mountTakeAway(menu, state, fetching = fetch) {
  const consensus = menu.querySelector("#take-away-consensus");
  const says = (name) => {
    for (const line of menu.querySelectorAll("[data-take-away]")) line.hidden = line.dataset.takeAway !== name;
  };
  let under = null;

  async function take(link) {
    const mine = (under = {}); // a second choice takes the place of the first
    says("working");
    const answer = await fetching(exportAddress(link.dataset.format, state().queue, consensus.checked)).catch(() => null);
    const file = answer?.ok ? await answer.blob().catch(() => null) : null;
    const refused = answer && !answer.ok ? await answer.json().catch(() => null) : null;
    if (mine !== under) return;
    if (file) {
      handOver(file, /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? `${link.dataset.format}.zip`);
      says("taken");
    } else if (refused?.en) {
      for (const language of ["en", "zh"]) menu.querySelector(`[data-take-away="refused"] .t-${language}`).textContent = refused[language];
      says("refused");
    } else says("lost");
  }

  menu.addEventListener("click", (event) => {
    const link = event.target.closest("[data-format]");
    if (!link) return;
    event.preventDefault();
    take(link);
  });
  const details = menu.parentElement;
  details.addEventListener("toggle", () => {
    says(null);
    if (details.open) showBeside(menu, details.querySelector("summary"));
    else menu.hidePopover?.();
  });
  document.addEventListener("click", (event) => details.contains(event.target) || (details.open = false));
  onKey(details, ({ key }) => {
    if (key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary").focus();
  });
}

/** Show a menu above everything else, below its button or as low as the window allows; the column it lies in would cut it off. */
function showBeside(menu, button) {
  menu.showPopover?.();
  const { left, bottom } = button.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
}

function handOver(file, name) {
  const address = URL.createObjectURL(file);
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser reads it meanwhile
}
