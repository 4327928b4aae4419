// Text fields: shows how many characters are left. Fields for posts also have a draft, kept in the browser, and Ctrl+Enter.
"use strict";
{
  // The server cleans and counts in the same way. See accounts/common/text.py.
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

  // If storage is blocked or full, the page works without drafts.
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

  function forgetStoredDraft() {
    if (!document.querySelector(".message.stored")) return;
    attempt(() => localStorage.removeItem(sessionStorage.getItem("sent")));
  }

  const SELECTOR = "form[data-draft]";
  const keyOf = (form) => `draft ${form.dataset.draft}`;

  function restore(area, key) {
    // A text from the server is newer than the draft, unless it is the post that is being edited.
    const untouched = !area.value || area.form.hasAttribute("data-editing");
    const draft = untouched ? readDraft(key) : "";
    if (!draft || draft === area.value) return;
    area.value = draft;
    const note = area.form.querySelector("[data-draft-note]");
    if (note) note.hidden = false;
  }

  function discard(form) {
    const area = form.elements.content;
    keepDraft(keyOf(form), "");
    area.value = area.defaultValue;
    form.querySelector("[data-draft-note]").hidden = true;
    updateCounter(area);
    area.focus();
  }

  forgetStoredDraft();
  for (const form of document.querySelectorAll(SELECTOR)) restore(form.elements.content, keyOf(form));
  for (const field of document.querySelectorAll("[data-max-characters]")) updateCounter(field);

  // The form on the home page is replaced, so the events are handled here.
  document.addEventListener("input", ({ target }) => {
    if (target.form?.matches(SELECTOR) && target === target.form.elements.content) keepDraft(keyOf(target.form), target.value);
    if (target.matches("[data-max-characters]")) updateCounter(target);
  }, { capture: true });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest(SELECTOR);
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  document.addEventListener("submit", ({ target }) => {
    if (target.matches(SELECTOR)) attempt(() => sessionStorage.setItem("sent", keyOf(target)));
  }, { capture: true });
  document.addEventListener("click", ({ target }) => {
    const form = target.closest("[data-discard]")?.closest(SELECTOR);
    if (!form) return;
    // A draft that the server restored is gone after loading the page again.
    if (target.matches("a")) keepDraft(keyOf(form), "");
    else discard(form);
  });

  // On the home page, the form is sent without leaving the page. The server's parts of the page have the header HX-Reswap.
  const formOf = (event) => event.detail.elt?.closest?.(SELECTOR);
  const isPart = (xhr) => xhr.getResponseHeader("HX-Reswap");

  // The form is replaced after the response, with anything that was typed since it was sent. So nobody can type until then.
  for (const [name, isPending] of [["htmx:beforeRequest", true], ["htmx:afterRequest", false]]) {
    document.addEventListener(name, (event) => {
      const form = formOf(event);
      if (form) form.elements.content.readOnly = isPending;
    });
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = formOf(event);
    if (!form || !isPart(event.detail.xhr)) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    if (event.detail.xhr.status === 201) keepDraft(keyOf(form), "");
  });

  // A post that was sent twice may already be here.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const post = event.detail.fragment.querySelector?.(".post");
    if (post && document.getElementById(post.id)) event.detail.shouldSwap = false;
  });

  document.addEventListener("htmx:afterSettle", ({ target, detail }) => {
    if (!target.matches?.(SELECTOR)) return;
    const area = target.elements.content;
    updateCounter(area);
    const { hash } = new URL(detail.xhr.getResponseHeader("Location") ?? "", location.href);
    const post = detail.xhr.status === 201 ? document.getElementById(hash.slice(1)) : null;
    focusOn(post ?? target.querySelector(".form-errors") ?? area);
  });

  function focusOn(element) {
    if (!element.matches("textarea")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  for (const failure of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => {
      const form = formOf(event);
      if (!form) return;
      form.querySelector(".form-errors")?.remove();
      const word = document.createElement("div");
      word.className = "form-errors";
      word.role = "alert";
      word.textContent = form.dataset.failed;
      form.prepend(word);
      focusOn(word);
    });
  }

  // Any other response is a page of its own, which the browser shows if the form is sent again. No text is posted twice.
  document.addEventListener("htmx:responseError", (event) => {
    const form = formOf(event);
    if (form) HTMLFormElement.prototype.submit.call(form);
  });
}
