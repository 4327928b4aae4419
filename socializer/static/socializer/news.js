// "3 new posts": asked for now and then while somebody is looking. What is being read stays where it is.
"use strict";
{
  const EVERY = 60_000;
  const LONGEST = 16 * EVERY;
  const SOONEST = 5_000;
  const place = document.querySelector("[data-news]");
  let wait = EVERY;
  let asked = Date.now();
  let shown = "";
  let timer;

  async function ask() {
    asked = Date.now();
    try {
      const answer = await fetch(place.dataset.news, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      wait = EVERY;
      if (answer.status === 200) show(await answer.text());
    } catch {
      wait = Math.min(wait * 2, LONGEST);
    }
    plan(wait);
  }

  // Said once: what has not changed is not put there again, as it would be read out again.
  function show(html) {
    if (html !== shown) place.innerHTML = html;
    shown = html;
  }

  function plan(delay) {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, delay);
  }

  if (place) {
    plan(wait);
    document.addEventListener("visibilitychange", () => plan(Math.max(SOONEST, asked + wait - Date.now())));
    window.addEventListener("pageshow", (event) => event.persisted && ask());
  }
}
