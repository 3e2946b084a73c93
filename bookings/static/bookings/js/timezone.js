// Tells the site the reader's time zone: in the cookie "tz" for those who are not logged in, and in sign-up forms.
"use strict";

(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!/^[A-Za-z0-9_+/-]+$/.test(zone || "")) return; // goes into the cookie as it is: Django does not decode it

  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;

  for (const field of document.querySelectorAll("[name=time_zone][data-guess]")) {
    if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === zone)) continue;
    field.value = zone;
  }

  // A first visit is told in the site's zone, because the cookie was not there yet.
  const hint = document.querySelector("[data-zone-hint]");
  if (hint && hint.dataset.zoneHint !== zone) {
    hint.querySelector("[data-zone-name]").textContent = zone;
    hint.hidden = false;
  }
})();
