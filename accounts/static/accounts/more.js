// Menus close on Escape and on a press elsewhere, and only one is open. Messages can be dismissed. Both work on what htmx adds.
"use strict";
{
  const openMenus = () => document.querySelectorAll("details.more[open]");

  function closeExcept(kept) {
    for (const menu of openMenus()) if (menu !== kept) menu.open = false;
  }

  document.addEventListener("click", (event) => closeExcept(event.target.closest("details.more")));
  document.addEventListener("focusin", (event) => closeExcept(event.target.closest("details.more")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      const hadFocus = menu.contains(document.activeElement);
      menu.open = false;
      if (hadFocus) menu.querySelector("summary").focus();
    }
  });
  // "Back" shows the page as it was left, but not with an open menu.
  window.addEventListener("pagehide", () => closeExcept(null));

  function dismiss(message) {
    const next = message.nextElementSibling ?? message.previousElementSibling;
    message.remove();
    (next?.querySelector(".dismiss") ?? document.querySelector("main")).focus({ preventScroll: true });
  }

  // Without a script the button would do nothing, so the page doesn't have it.
  for (const message of document.querySelectorAll(".messages .message")) {
    const text = document.createElement("span");
    text.append(...message.childNodes);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "dismiss";
    button.textContent = message.parentElement.dataset.dismiss;
    button.addEventListener("click", () => dismiss(message));
    message.append(text, button);
  }
}
