// Keys: j and k go from post to post, n writes a post, ? shows help. They don't work while typing, and can be turned off.
"use strict";
{
  const OFF = "keys off";
  const storage = (() => {
    try {
      return localStorage;
    } catch {
      return null;
    }
  })();
  const isOff = () => storage?.getItem(OFF) === "1";

  function step(direction) {
    // A post that is folded is represented by its line, which opens it.
    const stops = "article.post, .folded-post > summary";
    const posts = [...document.querySelectorAll(stops)].filter((stop) => stop.checkVisibility());
    const current = posts.indexOf(document.activeElement.closest(stops));
    const inView = posts.findIndex((post) => post.getBoundingClientRect().bottom > 0);
    const next = posts[current < 0 ? inView : current + direction];
    if (!next) {
      if (direction > 0) document.querySelector(".pagination a[rel='next']")?.focus();
      return;
    }
    if (!next.matches("summary")) next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function compose() {
    const box = document.querySelector("main form[data-draft] textarea");
    const page = document.querySelector("meta[name='compose']");
    if (box) box.focus();
    else if (page) location.assign(page.content);
  }

  async function help() {
    const link = document.querySelector("a[rel='help']");
    if (!link || document.querySelector("dialog[open]")) return;
    if (document.querySelector("main #keyboard")) return link.click();
    const page = new DOMParser().parseFromString(await (await fetch(link.href)).text(), "text/html");
    const dialog = document.createElement("dialog");
    dialog.className = "help-dialog";
    dialog.setAttribute("aria-labelledby", "keyboard");
    dialog.append(...page.querySelector("#keys").childNodes);
    document.body.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    prepare(dialog);
    dialog.showModal();
  }

  const ACTIONS = { j: () => step(1), k: () => step(-1), n: compose, "?": help };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isOff()) return;
    if (document.querySelector("dialog[open]") || !ACTIONS[event.key]) return;
    event.preventDefault();
    ACTIONS[event.key]();
  });

  // This control needs JavaScript, so it is hidden until now.
  function prepare(root) {
    const toggle = root.querySelector("[data-keys-switch]");
    if (!toggle) return;
    const say = () => toggle.setAttribute("aria-pressed", String(!isOff()));
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      storage?.setItem(OFF, isOff() ? "0" : "1");
      say();
    });
    say();
    const close = root.querySelector("[data-close]");
    if (root !== document) close.hidden = false;
    close.addEventListener("click", () => root.close());
  }
  prepare(document);
}
