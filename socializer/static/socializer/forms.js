// Forms: sent once, and the eye is led to what is wrong.
"use strict";
{
  // A second click while the answer is on its way does nothing. Not for ever: the answer may never come.
  const PATIENCE = 8000;

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("data-hx-post")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, PATIENCE);
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  // A box grows with its text. Here and not in the style sheet: the CSS checker does not know the property yet.
  for (const area of document.querySelectorAll("textarea")) area.style.fieldSizing = "content";

  const wrong = document.querySelector("main [aria-invalid='true'], main .form-errors");
  if (wrong?.matches(".form-errors")) wrong.tabIndex = -1;
  wrong?.focus();
}
