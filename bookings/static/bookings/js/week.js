// The arrow keys walk through the week: up and down within a day, left and right to the nearest entry of another day, Page Up and
// Page Down to the week before and after. Tab works as everywhere, also without this.
"use strict";

(() => {
  const week = document.querySelector(".week");
  if (!week) return;
  const days = () => [...week.querySelectorAll(".week-day")].map((day) => [...day.querySelectorAll("a.week-entry")]);

  const nearest = (entries, from) => {
    const top = (entry) => entry.getBoundingClientRect().top;
    return entries.reduce((best, one) => (Math.abs(top(one) - top(from)) < Math.abs(top(best) - top(from)) ? one : best));
  };

  const beside = (all, day, entry, step) => {
    for (let other = day + step; other >= 0 && other < all.length; other += step) {
      if (all[other].length) return nearest(all[other], entry);
    }
    return null;
  };

  week.addEventListener("keydown", (event) => {
    const entry = event.target.closest("a.week-entry");
    if (!entry || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "PageUp" || event.key === "PageDown") {
      event.preventDefault();
      document.querySelector(`#week a[rel=${event.key === "PageUp" ? "prev" : "next"}]`).click();
      return;
    }
    const all = days();
    const day = all.findIndex((entries) => entries.includes(entry));
    const place = all[day].indexOf(entry);
    const next = {
      ArrowUp: () => all[day][place - 1],
      ArrowDown: () => all[day][place + 1],
      ArrowLeft: () => beside(all, day, entry, -1),
      ArrowRight: () => beside(all, day, entry, 1),
    }[event.key]?.();
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
})();
