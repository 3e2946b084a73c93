// Shows the button that prints the page; without scripts it stays hidden, and the browser's own command does the same.
"use strict";

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
