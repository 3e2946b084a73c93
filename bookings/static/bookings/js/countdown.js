// Writes the time left into every <time data-countdown datetime="…" data-words="# left">, and reloads the page once when it is over:
// the server alone decides what is true then.
"use strict";

(() => {
  const opened = Date.now();
  let reloading = false;

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

  const tick = () => {
    for (const time of document.querySelectorAll("time[data-countdown]")) {
      const ends = Date.parse(time.dateTime);
      if (Number.isNaN(ends)) continue;
      const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
      time.textContent = (time.dataset.words || "#").replace("#", written(left));
      const box = time.closest("[data-stage]");
      if (box && left > 0) warn(box, left);
      if (left === 0 && ends > opened && !reloading) {
        reloading = true;
        setTimeout(() => location.reload(), 1500);
      }
    }
  };

  tick();
  setInterval(tick, 1000);
})();
