// On a phone only the first days are open, so that the others can be seen at a glance. Without scripts all are open.
"use strict";

(() => {
  const DAYS_OPEN = 2;
  const wide = matchMedia("(min-width: 48rem)");

  const arrange = () => {
    for (const grid of document.querySelectorAll(".slots")) {
      [...grid.querySelectorAll(".slots-day")].forEach((day, place) => {
        day.open = wide.matches || place < DAYS_OPEN;
        day.querySelector("summary").tabIndex = wide.matches ? -1 : 0; // nothing to open in a column
      });
    }
  };

  arrange();
  wide.addEventListener("change", arrange);
})();
