// The buttons to follow, like and bookmark change at once. If the request fails, they change back and a message appears.
"use strict";
{
  const FORMS = ".follow-form, .reactions";
  const formOf = (event) => event.detail.elt.closest(FORMS);
  // The button that was pressed, for each form with an open request.
  const pressed = new WeakMap();

  // A button has a text, or an icon and a label.
  function swapWords(button) {
    const { soon } = button.dataset;
    if (button.ariaLabel) {
      button.dataset.soon = button.ariaLabel;
      button.ariaLabel = soon;
      button.classList.toggle("pressed");
    } else {
      button.dataset.soon = button.textContent;
      button.textContent = soon;
      button.classList.toggle("followed");
    }
  }

  const noticeOf = (form) => (form.closest(".post-bar") ?? form).querySelector("[role='alert']");

  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = formOf(event);
    if (!form) return;
    noticeOf(form)?.remove();
    const button = event.detail.requestConfig.triggeringEvent?.submitter ?? form.querySelector("button");
    pressed.set(form, button);
    swapWords(button);
  });

  // After too many requests, the response is the button with the reason.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (!formOf(event) || xhr.status !== 429 || !xhr.getResponseHeader("Retry-After")) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });

  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => {
      const form = formOf(event);
      if (!form) return;
      swapWords(pressed.get(form));
      const word = document.createElement("p");
      word.className = "help";
      word.role = "alert";
      word.textContent = document.querySelector("meta[name='failed']").content;
      (form.closest(".post-bar") ?? form).append(word);
    });
  }
}
