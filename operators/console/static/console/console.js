// Live regions: htmx asks the same address again. A region is replaced only if the page changed and nobody is in it.
"use strict";
(() => {
  const OFTEN = 5000, SELDOM = 60000; // ms: while the person is active, and else
  const IDLE = 60000; // ms without a sign of the person
  const regions = document.querySelectorAll("[data-live]");
  const button = document.querySelector("[data-pause]");
  if (!regions.length || !button) return;
  let tag = null, paused = false, active = Date.now(), last = Date.now();

  const busy = (region) => {
    const selected = document.getSelection();
    return region.contains(document.activeElement) || region.querySelector("details[open]:not([data-first])") !== null ||
      (!selected.isCollapsed && region.contains(selected.anchorNode));
  };

  const ask = () => {
    last = Date.now();
    document.querySelectorAll("[data-live]").forEach((region) => window.htmx.trigger(region, "live"));
  };

  document.body.addEventListener("htmx:configRequest", (event) => {
    if (tag) event.detail.headers["If-None-Match"] = tag;
  });
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const answer = event.detail.xhr, at = answer.getResponseHeader("X-Updated");
    if (at) document.querySelector("[data-updated]").textContent = at;
    if (answer.status === 200 && !busy(event.detail.target)) tag = answer.getResponseHeader("ETag");
    else event.detail.shouldSwap = false; // unchanged (304), or somebody reads or types there
  });

  button.hidden = false;
  const pauseWord = button.textContent;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? button.dataset.resumeWord : pauseWord;
    if (!paused) ask();
  });
  for (const sign of ["pointermove", "keydown", "scroll"]) addEventListener(sign, () => { active = Date.now(); }, { passive: true });
  setInterval(() => {
    const pace = document.visibilityState === "visible" && Date.now() - active < IDLE ? OFTEN : SELDOM;
    if (!paused && Date.now() - last >= pace) ask();
  }, 1000);
})();
