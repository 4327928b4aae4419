// "Copy link". Without scripts, or where the browser doesn't let them copy, the button keeps its place but is invisible.
"use strict";
for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  let pause;

  async function copy() {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
    const word = document.createElement("p");
    word.className = "visually-hidden";
    word.textContent = button.dataset.copied;
    document.querySelector(".messages")?.append(word);
    clearTimeout(pause);
    pause = setTimeout(() => {
      button.textContent = label;
      word.remove();
    }, 5000);
  }

  if (navigator.clipboard) {
    button.classList.add("ready");
    button.addEventListener("click", copy);
  }
}
