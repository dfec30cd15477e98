// Work that is in no store is its reader's alone: signing out deletes it from this browser.

import { DraftStore } from "./draft_store.mjs";
import { LATE } from "./unkept.mjs";

const READER = /(?:^|; )magic-demo-drafts-of=([^;]*)/;
const PATIENCE = 2000; // milliseconds; another tab may be asleep with the database open

/** Whose drafts this page may see, as the server says at sign-in; "" where nobody signs in. */
export const readerOfDrafts = () => READER.exec(document.cookie)?.[1] ?? "";

/** Delete everything that is kept of work in no store. */
export async function forgetDrafts() {
  localStorage.removeItem(LATE);
  const gone = new DraftStore().clear().catch(() => {});
  await Promise.race([gone, new Promise((done) => setTimeout(done, PATIENCE))]);
}

if (document.body?.classList.contains("sign-in") && !readerOfDrafts()) forgetDrafts(); // signed out, or away for a day
document.addEventListener("click", (event) => {
  const out = event.target.closest?.("#sign-out");
  if (!out) return;
  event.preventDefault();
  forgetDrafts().finally(() => location.assign(out.href));
});
