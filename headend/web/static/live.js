// Follows what changes: an element's data-live is the address of a stream, and a page may have some.  With each change the
// page is fetched anew, and what has data-part is put in, by its id.  A tab that nobody looks at
// waits until somebody does.
"use strict";

(() => {
  const root = document.documentElement;
  if (root.dataset.follows !== undefined || !window.EventSource) return; // it is here already
  root.dataset.follows = "";
  let asked = false;
  let busy = false;

  const served = {}; // the parts as they came, before charts were drawn into them
  for (const part of document.querySelectorAll("[data-part]")) served[part.id] = part.innerHTML;

  async function renew() {
    if (busy || document.hidden) {
      asked = true;
      return;
    }
    busy = true;
    asked = false;
    try {
      const answer = await fetch(window.location.href, { headers: { "X-Part": "1" } });
      if (answer.ok && !answer.redirected) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        let changed = false;
        for (const old of document.querySelectorAll("[data-part]")) {
          const part = fresh.getElementById(old.id);
          const now = part ? part.innerHTML : ""; // a part that is there no more has nothing to say
          if (now === served[old.id]) continue;
          served[old.id] = now;
          old.replaceChildren(...(part ? part.childNodes : []));
          changed = true;
        }
        if (changed) document.dispatchEvent(new CustomEvent("renewed"));
      }
    } finally {
      busy = false;
      if (asked) setTimeout(renew, 1000);
    }
  }

  function follow(followed) {
    const mark = followed.classList.contains("live-mark") ? followed : null;
    const told = followed.dataset.live.includes("seen="); // it knows what this page has seen
    const stream = new EventSource(followed.dataset.live);
    let started = false;
    stream.addEventListener("start", () => {
      if (mark) mark.dataset.on = "";
      // What happened while it was away, or between the page and its stream, nobody says again.
      if (started || !told) renew();
      started = true;
    });
    stream.addEventListener("changed", renew);
    stream.addEventListener("end", () => {
      stream.close();
      window.location.reload();
    });
    stream.onerror = () => {
      if (mark) delete mark.dataset.on;
    };
    window.addEventListener("pagehide", () => stream.close());
  }

  for (const followed of document.querySelectorAll("[data-live]")) follow(followed);
  document.addEventListener("visibilitychange", () => {
    if (asked && !document.hidden) renew();
  });
})();
