// Forms marked data-unsaved: whoever leaves the page with something typed and not saved is asked first.
"use strict";

(() => {
  const unsaved = new Set();
  const marked = (node) => node.form?.closest("form[data-unsaved]") ?? node.closest?.("form[data-unsaved]");

  const touch = (event) => {
    if (event.target.matches("[data-view]")) return; // chooses what is shown, is not kept
    const form = marked(event.target);
    if (form) unsaved.add(form.id);
  };

  document.addEventListener("input", touch);
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("button[name=act]")) touch(event); // a row added, taken away or copied
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-unsaved]")) unsaved.clear();
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved.size) event.preventDefault();
  });

  // A save that was refused shows what was typed: it is still not saved.
  for (const form of document.querySelectorAll("form[data-unsaved=yes]")) unsaved.add(form.id);
})();
