// <button data-copy="id of a field" data-copied="word"> copies what stands in the field. Without scripts it stays hidden.
"use strict";

(() => {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    if (!field) continue;
    button.hidden = false;
    field.addEventListener("focus", () => field.select());
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy"); // over plain http browsers offer nothing else
      }
      const word = button.textContent;
      button.textContent = button.dataset.copied;
      setTimeout(() => (button.textContent = word), 2000);
    });
  }
})();
