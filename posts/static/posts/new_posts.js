// "3 new posts": the page checks for new posts from time to time while it is visible. The posts on it don't move. The answer
// also says how many notifications are new.
"use strict";
{
  const INTERVAL = 60_000;
  const LONGEST_INTERVAL = 16 * INTERVAL;
  const SHORTEST_DELAY = 5_000;
  const place = document.querySelector("[data-new-posts]");
  let interval = INTERVAL;
  let askedAt = Date.now();
  let current = "";
  let timer;

  async function ask() {
    askedAt = Date.now();
    try {
      const response = await fetch(place.dataset.newPosts, { cache: "no-store" });
      if (!response.ok) throw new Error(response.statusText);
      interval = INTERVAL;
      showNotifications(response.headers.get("X-New-Notifications"));
      if (response.status === 200) show(await response.text());
    } catch {
      interval = Math.min(interval * 2, LONGEST_INTERVAL);
    }
    schedule(interval);
  }

  // templates/accounts/_notifications_link.html has the same attributes.
  function showNotifications(count) {
    const item = document.querySelector("[data-notifications]");
    const link = item?.querySelector("a");
    if (!link || count === null) return;
    if (count) {
      link.dataset.new = count;
      link.setAttribute("aria-label", item.dataset.notifications.replace("{count}", count));
    } else {
      delete link.dataset.new;
      link.removeAttribute("aria-label");
    }
  }

  // Unchanged text isn't inserted again, because screen readers would read it again.
  function show(html) {
    if (html !== current) place.innerHTML = html;
    current = html;
  }

  function schedule(delay) {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, delay);
  }

  if (place) {
    schedule(interval);
    document.addEventListener("visibilitychange", () => {
      schedule(Math.max(SHORTEST_DELAY, askedAt + interval - Date.now()));
    });
    window.addEventListener("pageshow", (event) => event.persisted && ask());
  }
}
