// Boxes for text: how much room is left; and in those for posts a draft that outlives the page, and Ctrl+Enter.
"use strict";
{
  // As the server cleans and counts: see accounts/text.py.
  const LINE_BREAKS = /\r\n|[\r\x0b\x0c\x85\u2028\u2029]/gu;
  const UNWANTED = /[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]/gu;
  const STACKED_MARKS = /(\p{M}{8})\p{M}+/gu;
  const SPACES = "[ \\t\\n\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
  const SPACES_AT_END = new RegExp(`${SPACES}$`, "u");
  const ALL_SPACES = new RegExp(SPACES, "gu");
  const BLANK = /^(?:(?![\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}])[\s\p{Cf}\p{Default_Ignorable_Code_Point}\u2800\u{13441}\u{13442}\u{1d159}])*$/u;
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter() : null;

  const KEPT_FOR = 7 * 24 * 3600 * 1000;
  const LITTLE_ROOM = 80;

  function cleanText(text) {
    const lines = text.split("\n");
    const isWritten = (line) => !BLANK.test(line);
    const first = lines.findIndex(isWritten);
    if (first < 0) return "";
    while (!isWritten(lines.at(-1))) lines.pop();
    return lines.slice(first).join("\n").replace(SPACES_AT_END, "");
  }

  function countCharacters(field) {
    const text = field.value.replace(LINE_BREAKS, "\n").replace(UNWANTED, "").normalize("NFC").replace(STACKED_MARKS, "$1");
    const clean = field.matches("input") ? text.replace(ALL_SPACES, " ").replace(/^ | $/gu, "") : cleanText(text);
    return segmenter ? [...segmenter.segment(clean)].length : [...clean].length;
  }

  function addCounter(field) {
    const counter = document.createElement("output");
    counter.className = "counter";
    counter.htmlFor = field.id;
    counter.dataset.counter = "";
    field.after(counter);
    return counter;
  }

  function updateCounter(field) {
    const counter = document.querySelector(`[data-counter][for="${field.id}"]`) ?? addCounter(field);
    const most = Number(field.dataset.maxCharacters);
    const left = most - countCharacters(field);
    counter.hidden = left > Math.min(LITTLE_ROOM, most / 2);
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
    area.addEventListener("input", () => keepDraft(key, area.value));
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    form.addEventListener("submit", () => attempt(() => sessionStorage.setItem("sent", key)));
  }
  for (const field of document.querySelectorAll("[data-max-characters]")) {
    updateCounter(field);
    field.addEventListener("input", () => updateCounter(field));
  }
}
