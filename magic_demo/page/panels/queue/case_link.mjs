// The address of the open case of a queue: "#case=" and a word made of its name, which says nothing of a patient and stays in the browser.
// Reload and back return to it.

export const OPEN_AS = "magic-demo-open"; // in the tab's storage: which case is open, until the tab is closed
const LINK = /^#case=([0-9a-f]{16})$/;

/** The link in an address, or null. */
export const linkIn = (hash) => LINK.exec(hash)?.[1] ?? null;

/** follow(link): opens the case of an address that the reader has gone back to, or typed. */
export function keepAddress(follow) {
  let shown; // what the address says; undefined before the first case of this page
  const bare = () => `${location.pathname}${location.search}`;

  function changed() {
    const link = linkIn(location.hash);
    if (link === null || link === shown) return;
    shown = link;
    follow(link);
  }
  window.addEventListener("popstate", changed);
  window.addEventListener("hashchange", changed);

  return {
    /** Let the address be that of the open case; null: none of a queue is open. */
    show(link) {
      const now = linkIn(location.hash);
      if (link !== now) history[shown === undefined ? "replaceState" : "pushState"](null, "", link === null ? bare() : `#case=${link}`);
      shown = link;
    },
  };
}
