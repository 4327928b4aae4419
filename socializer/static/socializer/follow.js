// The follow button answers at once, and takes it back with a word if it did not work.
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
