// Forms: each is sent only once, the focus moves to the first error, and a new password is checked while it is typed.
"use strict";
{
  // A second click does nothing while the response is pending. This ends after a while, because there may be no response.
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

  // Text fields grow with their text. This isn't in the style sheet, because the CSS checker doesn't know the property yet.
  const grow = (root) => root.querySelectorAll("textarea").forEach((area) => (area.style.fieldSizing = "content"));
  grow(document);
  document.addEventListener("htmx:load", (event) => grow(event.detail.elt));

  // The browser's own file control is labelled in the browser's language, so ours replaces it.
  for (const choice of document.querySelectorAll("[data-file-choice]")) {
    const input = choice.parentElement.querySelector("input[type='file']");
    const name = choice.querySelector("span");
    input.classList.add("visually-hidden");
    choice.hidden = false;
    input.addEventListener("change", () => {
      if (input.files.length) name.textContent = input.files[0].name;
    });
  }

  // Sign-up stores the time zone of the browser.
  for (const field of document.querySelectorAll("[data-time-zone]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  }

  // htmx has replaced the errors below a field.
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    const field = target.id && document.querySelector(`input[data-hx-target="#${target.id}"]`);
    if (!field) return;
    if (target.textContent.trim()) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  });

  const wrong = document.querySelector("main [aria-invalid='true'], main .form-errors");
  if (wrong?.matches(".form-errors")) wrong.tabIndex = -1;
  wrong?.focus();
}
