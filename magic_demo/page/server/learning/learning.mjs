// While something is learnt, the bar and the log follow; when it has ended, the page is drawn anew.

const SECONDS = 1;

export async function follow(root, ask, again) {
  const run = root.querySelector("#learning-run[data-running]");
  if (!run) return;
  const state = await ask();
  if (state === null) return again();
  if (!state.running) return root.defaultView.location.reload();
  root.querySelector("#learning-bar").value = state.share;
  const line = root.querySelector("#learning-line");
  for (const part of state.line ? line.querySelectorAll("[lang]") : []) part.textContent = state.line[part.lang];
  const log = root.querySelector("#learning-log");
  log.textContent = state.log.join("\n");
  log.scrollTop = log.scrollHeight;
  again();
}

async function ask() {
  try {
    const answer = await fetch("learning/state");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // the server may be starting again
  }
}

if (typeof document !== "undefined") {
  const again = () => setTimeout(() => follow(document, ask, again), SECONDS * 1000);
  again();
}
