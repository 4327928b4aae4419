// The follow button changes at once. If the request fails, it changes back and a message appears.
"use strict";
{
  const formOf = (event) => event.detail.elt.closest(".follow-form");

  function swapWords(form) {
    const button = form.querySelector("button");
    const { soon } = button.dataset;
    button.dataset.soon = button.textContent;
    button.textContent = soon;
    button.classList.toggle("followed");
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = formOf(event);
    if (!form) return;
    form.querySelector("[role='alert']")?.remove();
    swapWords(form);
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
      swapWords(form);
      const word = document.createElement("p");
      word.className = "help";
      word.role = "alert";
      word.textContent = form.dataset.failed;
      form.append(word);
    });
  }
}
