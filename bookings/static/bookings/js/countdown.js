// Writes the time left into every <time data-countdown datetime="…" data-words="# left">. When it is over the part of the page that
// looks again by itself is told so ("countdown-over"), else the page is reloaded, once: the server alone decides what is true then.
"use strict";

(() => {
  const opened = Date.now();
  const over = new Set();

  const written = (seconds) => {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    const rest = String(seconds % 60).padStart(2, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  };

  // A deadline looks different and says so once, politely, when it comes near: five minutes before, and one.
  const warn = (box, left) => {
    const stage = left <= 60 ? "last" : left <= 300 ? "near" : "calm";
    if (stage === box.dataset.stage) return;
    box.dataset.stage = stage;
    box.querySelector("[role=status]").textContent = stage === "calm" ? "" : box.dataset[stage];
  };

  const lookAgain = (time) => {
    const part = time.closest("[hx-trigger*='countdown-over']");
    if (part) part.dispatchEvent(new Event("countdown-over"));
    else location.reload();
  };

  const tick = () => {
    for (const time of document.querySelectorAll("time[data-countdown]")) {
      const ends = Date.parse(time.dateTime);
      if (Number.isNaN(ends)) continue;
      const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
      time.textContent = (time.dataset.words || "#").replace("#", written(left));
      const box = time.closest("[data-stage]");
      if (box && left > 0) warn(box, left);
      if (left === 0 && ends > opened && !over.has(ends)) {
        over.add(ends);
        setTimeout(() => lookAgain(time), 1500);
      }
    }
  };

  tick();
  setInterval(tick, 1000);
})();
