// A form is sent once: the pressed button turns busy, a second press does nothing. Errors get the focus.
"use strict";

(() => {
  const done = () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("button[aria-busy=true]")) button.removeAttribute("aria-busy");
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if ("sent" in form.dataset) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "";
    event.submitter?.setAttribute("aria-busy", "true");
  });

  window.addEventListener("pageshow", (event) => event.persisted && done()); // back from the next page
  document.addEventListener("htmx:afterRequest", done);
  document.querySelector("[data-focus]")?.focus();
})();
