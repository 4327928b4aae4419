// A page that the browser kept whole, for "Back", is shown again only to whom it was made for.
"use strict";
{
  const KEY = "viewer";
  const { viewer } = document.body.dataset;

  // Every page that the server sends notes for whom it is; null where storage is switched off.
  function latestViewer() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  try {
    localStorage.setItem(KEY, viewer);
  } catch {
    // Nothing is known then.
  }

  window.addEventListener("pageshow", (event) => {
    if (!event.persisted || latestViewer() === viewer) return;
    document.body.hidden = true;
    location.reload();
  });
}
