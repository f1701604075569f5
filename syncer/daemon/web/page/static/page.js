// Keeps an open page current: asks what has changed, and puts it in without a reload. The reader's place stays:
// scroll, focus, selection and what is typed. Without this script the page is as of its loading.
"use strict";
(() => {
  const root = document.documentElement;
  const lost = document.getElementById("lost");
  const read = document.getElementById("read");
  const pause = document.getElementById("pause");
  const filter = document.getElementById("filter");
  const parts = () => [...document.querySelectorAll("[data-part]")];
  const LATER = 10;

  // Time: that of the database, which may differ from this machine's. An answer may have been kept for a while,
  // so the least difference is the true one.
  let skew = Date.parse(root.dataset.now) - Date.now();
  let readAt = Date.now();
  const now = () => Date.now() + skew;
  const hear = (text) => {
    const found = Date.parse(text) - Date.now();
    skew = Math.abs(found - skew) > 300e3 ? found : Math.max(found, skew);
  };

  // Ages. The same words as the server's.
  const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];
  const span = (seconds) => {
    for (const [unit, length] of UNITS) if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
    return `${Math.max(0, Math.round(seconds))} s`;
  };
  const ago = (seconds) => {
    if (seconds <= -1) return `in ${span(-seconds)}`;
    return seconds < 2 ? "just now" : `${span(seconds)} ago`;
  };
  const short = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    for (const [unit, length] of [["d", 86400], ["h", 3600], ["m", 60]]) {
      if (whole >= length) return `${Math.floor(whole / length)}${unit}`;
    }
    return `${whole}s`;
  };
  const TONES = [900, 3600, 86400];
  const show = (time) => {
    const seconds = (now() - Date.parse(time.dateTime)) / 1000;
    const isCell = time.dataset.form === "cell";
    const isOver = time.dataset.form === "until" && seconds > -1;
    const text = isCell ? short(seconds) : isOver ? "at once" : ago(seconds);
    if (time.textContent !== text) time.textContent = text;
    if (isCell) {
      const place = TONES.findIndex((most) => seconds < most);
      const tone = `tone${place < 0 ? TONES.length : place}`;
      if (time.className !== tone) time.className = tone;
    }
  };
  const tick = () => {
    if (document.hidden || isPaused()) return;
    // To change a text under a selection would end it.
    const selection = document.getSelection();
    const chosen = selection && !selection.isCollapsed ? selection : null;
    for (const time of document.getElementsByTagName("time")) {
      if (!chosen || !chosen.containsNode(time, true)) show(time);
    }
    read.textContent = `Read ${ago((Date.now() - readAt) / 1000)}`;
  };

  // Changes: an element of the page becomes one that the server has sent, with as little done as possible.
  const keyOf = (node) => (node.dataset ? node.dataset.key || node.id : "") || "";
  const become = (have, want) => {
    if (have.nodeType !== Node.ELEMENT_NODE) {
      if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
      return;
    }
    if (have.localName === "time" && have.dateTime === want.dateTime) return;
    for (const { name } of [...have.attributes]) {
      if (!want.hasAttribute(name)) have.removeAttribute(name);
    }
    for (const { name, value } of want.attributes) {
      if (have.getAttribute(name) !== value) have.setAttribute(name, value);
    }
    becomeInside(have, want);
  };
  const becomeInside = (have, want) => {
    const keyed = new Map([...have.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let at = have.firstChild;
    for (const next of [...want.childNodes]) {
      const key = keyOf(next);
      let match = null;
      if (key) match = keyed.get(key) ?? null;
      else if (at && !keyOf(at)) match = at;
      if (match && match.nodeName !== next.nodeName) match = null;
      if (!match) {
        have.insertBefore(next, at);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else have.insertBefore(match, at);
      become(match, next);
    }
    while (at) {
      const rest = at.nextSibling;
      at.remove();
      at = rest;
    }
  };
  const isSelected = (part) => {
    const selection = document.getSelection();
    return Boolean(selection) && !selection.isCollapsed && selection.containsNode(part, true);
  };
  const put = (name, version, html) => {
    const part = document.querySelector(`[data-part="${name}"]`);
    // A part in which something is selected waits: its version stays, and so it is sent again.
    if (!part || isSelected(part)) return;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const want = new DOMParser().parseFromString(`<div>${html}</div>`, "text/html").body.firstChild;
    becomeInside(part, want);
    part.dataset.version = version;
    if (focused && document.activeElement !== focused) {
      (focused.isConnected ? focused : part).focus({ preventScroll: true });
    }
  };

  // Asking: one request at a time, and none while nobody looks.
  let timer = 0;
  let asking = null;
  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  const say = (text) => {
    if (lost.textContent !== text) lost.textContent = text;
  };
  const later = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(() => ask(), seconds * 1000);
  };
  const ask = async (isWanted = false) => {
    clearTimeout(timer);
    if (document.hidden || (isPaused() && !isWanted)) return;
    asking?.abort();
    const mine = (asking = new AbortController());
    const known = parts().map((part) => `${part.dataset.part}=${part.dataset.version}`).join(" ");
    let answer;
    try {
      answer = await fetch(location.href, {
        headers: { "Syncer-Parts": known || "none=0" }, cache: "no-store", signal: mine.signal,
      });
      if (document.querySelector("[data-reload]")) {
        if (answer.ok) return location.reload();
        return later(LATER);
      }
      if (answer.status === 200) {
        const { title, parts: changed } = await answer.json();
        if (document.title !== title) document.title = title;
        for (const [name, [version, html]] of Object.entries(changed)) put(name, version, html);
      } else if (answer.status !== 204) {
        say(`Not current: ${(await answer.text()).trim() || answer.status}`);
        return later(LATER);
      }
    } catch (error) {
      if (mine.signal.aborted) return undefined;
      say("Not current: the service does not answer.");
      return later(LATER);
    }
    // Another version of the service has other parts.
    const version = answer.headers.get("Syncer-Assets");
    if (version && version !== root.dataset.assets) return location.reload();
    hear(answer.headers.get("Syncer-Now"));
    readAt = Date.now();
    say("");
    tick();
    return later(Number(answer.headers.get("Syncer-Next")) || LATER);
  };

  // What the reader does.
  pause.addEventListener("click", () => {
    const paused = !isPaused();
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Resume updates" : "Pause updates";
    read.textContent = paused ? `Paused at ${new Date(now()).toISOString().slice(11, 19)} UTC` : "";
    if (!paused) ask();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".copy");
    if (!button) return;
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Without TLS browsers keep the clipboard to themselves: then it is ready for Ctrl-C.
      document.getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  if (filter) {
    let typing = 0;
    const choose = () => {
      const given = new URLSearchParams(new FormData(filter));
      if (!given.get("q")) given.delete("q");
      if (given.get("show") === "all") given.delete("show");
      history.replaceState(null, "", given.size ? `?${given}` : location.pathname);
      ask(true);
    };
    filter.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(choose, 200);
    });
    filter.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(typing);
      choose();
    });
  }
  root.classList.add("js");
  setInterval(tick, 1000);
  tick();
  if (parts().length || document.querySelector("[data-reload]")) {
    pause.hidden = false;
    later(Number(root.dataset.next));
  }
})();
