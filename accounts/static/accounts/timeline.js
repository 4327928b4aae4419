// Lists: "Older" loads more in place, and "Back" returns to the same post.
"use strict";
{
  const ITEMS = "main [id^='post-'], main [id^='person-']";
  const MOST_PAGES = 20;
  let returning = false;

  // Null if the browser blocks storage.
  const storage = (() => {
    try {
      return sessionStorage;
    } catch {
      return null;
    }
  })();

  function focusOn(item) {
    item.tabIndex = -1;
    item.focus({ preventScroll: true });
  }

  // After loading more in place, move the focus to the first new item.
  let lastBefore = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const more = !returning && event.detail.target.matches(".pagination");
    lastBefore = more ? event.detail.target.previousElementSibling : null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    const next = lastBefore?.nextElementSibling;
    lastBefore = null;
    if (next) focusOn(next);
  });

  // If that fails, follow the link.
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => {
      const link = event.detail.elt;
      if (link.matches(".pagination a") && !returning) location.assign(link.href);
    });
  }

  // For each history entry, the tab stores the position of one item in the window: the last used item if it is visible, or else
  // the first visible one. The history entry itself has only the key, because changing it while the reader leaves the page would
  // keep them from leaving.
  const viewer = document.querySelector("meta[name='viewer']").content;
  const key = history.state?.key ?? `place ${Date.now()}`;
  history.replaceState({ ...history.state, key }, "");
  let used = null;

  function inView(item) {
    const { top, bottom } = item.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  function remember() {
    const item = used && inView(used) ? used : [...document.querySelectorAll(ITEMS)].find(inView);
    if (!item || returning) return;
    const { top } = item.getBoundingClientRect();
    const place = { id: item.id, top, scrolled: scrollY > 0, used: item === used, viewer };
    storage?.setItem(key, JSON.stringify(place));
  }

  let pause;
  window.addEventListener("scroll", () => {
    clearTimeout(pause);
    pause = setTimeout(remember, 150);
  }, { passive: true });
  document.addEventListener("click", (event) => {
    used = event.target.closest(ITEMS);
    remember();
  }, { capture: true });

  const numberOf = (item) => Number(item.id.split("-")[1]);

  // The item itself or, because posts may be deleted, the next older one. Undefined if the item is further down.
  function find(place) {
    const item = document.getElementById(place.id);
    if (item || !place.id.startsWith("post-")) return item;
    const older = (post) => numberOf(post) < numberOf(place);
    return [...document.querySelectorAll(".post")].find(older);
  }

  async function loadUntilThere(place) {
    for (let page = 0; !find(place) && page < MOST_PAGES; page++) {
      const link = document.querySelector(".pagination a[rel='next']");
      if (!link) return;
      await htmx.ajax("GET", link.href, { source: link, target: link.closest("nav"), swap: "outerHTML" });
    }
  }

  async function returnTo(place) {
    returning = true;
    await loadUntilThere(place).catch(() => {});
    const item = find(place);
    if (item) {
      scrollBy({ top: item.getBoundingClientRect().top - place.top, behavior: "instant" });
      if (place.used) focusOn(used = item);
    }
    returning = false;
  }

  const { type } = performance.getEntriesByType("navigation")[0] ?? {};
  const place = JSON.parse(storage?.getItem(key) ?? null);
  if (place?.viewer === viewer && (type === "back_forward" || (type === "reload" && place.scrolled))) {
    history.scrollRestoration = "manual";
    returnTo(place);
  } else if (location.hash) {
    const item = document.getElementById(location.hash.slice(1));
    if (item?.matches(ITEMS)) focusOn(item);
  }
}
