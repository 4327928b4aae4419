// The box for a text: how much room is left, a draft that outlives the page, Ctrl+Enter.
"use strict";
{
  // As the server cleans and counts: see accounts/text.py.
  const UNWANTED = /[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]/gu;
  const STACKED_MARKS = /(\p{M}{8})\p{M}+/gu;
  const SPACES = "[ \\t\\n\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
  const EDGES = new RegExp(`^${SPACES}|${SPACES}$`, "gu");
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter() : null;

  const KEPT_FOR = 7 * 24 * 3600 * 1000;
  const LITTLE_ROOM = 80;

  function countCharacters(text) {
    const clean = text.replace(UNWANTED, "").normalize("NFC").replace(STACKED_MARKS, "$1").replace(EDGES, "");
    return segmenter ? [...segmenter.segment(clean)].length : [...clean].length;
  }

  function updateCounter(area) {
    const counter = area.form.querySelector("[data-counter]");
    const left = Number(area.dataset.maxCharacters) - countCharacters(area.value);
    counter.hidden = left > LITTLE_ROOM;
    counter.textContent = left;
    counter.classList.toggle("over", left < 0);
  }

  // Where storage is switched off or full, the page works as without drafts.
  function attempt(action) {
    try {
      return action();
    } catch {
      return null;
    }
  }

  function readDraft(key) {
    const draft = attempt(() => JSON.parse(localStorage.getItem(key)));
    return draft && Date.now() - draft.at < KEPT_FOR ? draft.text : "";
  }

  function keepDraft(key, text) {
    attempt(() => text ? localStorage.setItem(key, JSON.stringify({ text, at: Date.now() })) : localStorage.removeItem(key));
  }

  function forgetWhatIsStored() {
    if (!document.querySelector(".message.stored")) return;
    attempt(() => localStorage.removeItem(sessionStorage.getItem("sent")));
  }

  function restore(area, key) {
    // What the server gave back is newer; only a text that is there already, to be edited, is older than its draft.
    const untouched = !area.value || area.form.hasAttribute("data-editing");
    if (untouched) area.value = readDraft(key) || area.value;
  }

  forgetWhatIsStored();
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const area = form.elements.content;
    const key = `draft ${form.dataset.draft}`;
    restore(area, key);
    updateCounter(area);
    area.addEventListener("input", () => {
      keepDraft(key, area.value);
      updateCounter(area);
    });
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    form.addEventListener("submit", () => attempt(() => sessionStorage.setItem("sent", key)));
  }
}
