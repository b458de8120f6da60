#include "serve/pages.h"

namespace physgen {

const char* const kStatusPage = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>PhysGen</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
  header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; }
  h1 { font-size: 1.25rem; margin: 0; }
  .quiet { opacity: .65; font-size: .85rem; }
  article { border: 1px solid var(--line); border-radius: .5rem; margin-top: 1rem; padding: 1rem; }
  article h2 { font-size: 1rem; margin: 0 0 .5rem; }
  dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .25rem 1rem; margin: 0; }
  dt { opacity: .65; font-size: .8rem; } dd { margin: 0; font-variant-numeric: tabular-nums; }
  .pictures { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: .75rem; }
  figure { margin: 0; } figcaption { font-size: .8rem; opacity: .65; }
  img { height: 160px; image-rendering: pixelated; border-radius: .25rem; background: var(--line); display: block; }
  button { font: inherit; padding: .2rem .7rem; margin-top: .75rem; }
  .warning { color: #c2410c; font-weight: 600; }
</style>
<header><h1>PhysGen</h1><span id="server" class="quiet"></span><span id="state" class="quiet"></span></header>
<main id="sessions"></main>
<script>
  const wanted = new Set();
  const surprising = 0.08;
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
  };
  const figure = (parent, source, caption) => {
    const box = make("figure", undefined, parent);
    make("img", undefined, box).src = source;
    make("figcaption", caption, box);
  };
  const duration = (seconds) => seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`;

  function show(session, imagines) {
    const box = make("article");
    make("h2", `Session ${session.session}: ${session.instruction || "no instruction yet"}`, box);
    const facts = make("dl", undefined, box);
    const fact = (name, value) => { const pair = make("div", undefined, facts); make("dt", name, pair); make("dd", value, pair); };
    fact("client", session.peer);
    fact("open for", duration(session.seconds));
    fact("episode, round", `${session.episode}, ${session.round} (begun by ${session.began_by})`);
    fact("a round, p50 and p99", `${session.infer_ms.p50.toFixed(1)} and ${session.infer_ms.p99.toFixed(1)} ms`);
    fact("in the queue", `${session.queue_ms.toFixed(1)} ms`);
    fact("refused", session.errors);
    if (session.last_error) make("p", session.last_error, box).className = "quiet";
    const pictures = make("div", undefined, box);
    pictures.className = "pictures";
    const now = `?${session.rounds}`;
    (session.cameras || []).forEach((camera, i) => figure(pictures, `/sessions/${session.session}/view-${i}${now}`, camera));
    if (session.imagined) {
      figure(pictures, `/sessions/${session.session}/canvas${now}`, "what the policy sees");
      figure(pictures, `/sessions/${session.session}/imagined${now}`, "what it had imagined");
      const much = session.surprise > surprising;
      const text = `The two differ by ${(100 * session.surprise).toFixed(1)} %` +
        (much ? ": this scene is not what the policy was trained on." : ".");
      make("p", text, box).className = much ? "warning" : "quiet";
    }
    if (imagines) {
      const button = make("button", wanted.has(session.session) ? "Stop imagining" : "Imagine", box);
      button.onclick = () => {
        if (!wanted.delete(session.session)) wanted.add(session.session);
        refresh();
      };
    }
    return box;
  }

  async function refresh() {
    const state = document.getElementById("state");
    try {
      for (const number of wanted) fetch(`/sessions/${number}/imagine`, { method: "POST" });
      const status = await (await fetch("/status.json")).json();
      document.getElementById("server").textContent = status.server;
      const count = status.sessions.length;
      state.textContent = count === 1 ? "1 session" : `${count} sessions`;
      document.getElementById("sessions").replaceChildren(...status.sessions.map((session) => show(session, status.imagines)));
    } catch (error) {
      state.textContent = "the server does not answer";
    }
  }
  refresh();
  setInterval(refresh, 1000);
</script>
</html>
)html";

}  // namespace physgen
