// The moderators' queue: the focus goes to what was decided, and on from there to the next card.
"use strict";
{
  const formOf = (event) => event.detail.elt.closest(".decision-form, .undo-form");

  function focusOn(article) {
    const wrong = article.querySelector("[aria-invalid='true'], .form-errors");
    if (wrong?.matches(".form-errors")) wrong.tabIndex = -1;
    (wrong ?? article).focus();
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    formOf(event)?.querySelector("[data-failure]")?.remove();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const article = event.detail.elt;
    if (!article.id.startsWith("card-")) return;
    focusOn(article);
    // The form of the next card opens when a card was decided.
    if (!article.matches(".decided")) return;
    const cards = document.querySelectorAll(".moderation-card:has(.decide)");
    const next = [...cards].find((card) => article.compareDocumentPosition(card) & Node.DOCUMENT_POSITION_FOLLOWING);
    if (next) next.querySelector(".decide").open = true;
  });
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => {
      const form = formOf(event);
      if (!form) return;
      const word = document.createElement("p");
      word.className = "errorlist";
      word.role = "alert";
      word.dataset.failure = "";
      word.textContent = form.dataset.failed;
      form.append(word);
    });
  }

  if (location.hash === "#decided") document.getElementById("decided")?.focus();
}
