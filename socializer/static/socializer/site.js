// What a browser can do better than a reload. Every page works without it.
"use strict";

// Compose: say how much room is left, when little is, counting as the server does.
const segmenter = "Segmenter" in Intl ? new Intl.Segmenter() : null;

function countCharacters(text) {
  return segmenter ? [...segmenter.segment(text)].length : [...text].length;
}

function updateCounter(area) {
  const counter = area.form.querySelector("[data-counter]");
  const left = Number(area.dataset.maxCharacters) - countCharacters(area.value.trim());
  counter.hidden = left > 80;
  counter.textContent = left;
  counter.classList.toggle("over", left < 0);
}

for (const area of document.querySelectorAll("[data-max-characters]")) {
  area.addEventListener("input", () => updateCounter(area));
  updateCounter(area);
}

// A form is sent once: a second click while the answer is on its way does nothing.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || event.target.hasAttribute("data-hx-post")) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// "Older" in place: go on reading at the first new post.
let lastBefore = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  lastBefore = event.detail.target.matches(".pagination") ? event.detail.target.previousElementSibling : null;
});
document.addEventListener("htmx:afterSettle", () => {
  const next = lastBefore?.nextElementSibling;
  lastBefore = null;
  if (!next) return;
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
});
