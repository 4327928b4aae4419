// A page that the browser has cached for "Back" is shown again only to the member it was made for.
"use strict";
{
  const KEY = "viewer";
  const viewer = document.querySelector("meta[name='viewer']").content;

  // Each page stores its viewer. Null if storage is blocked.
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
    // Storage is blocked, so nothing is stored.
  }

  // The server doesn't add rows for another member to this page.
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-Viewer"] = viewer;
  });

  window.addEventListener("pageshow", (event) => {
    if (!event.persisted || latestViewer() === viewer) return;
    document.body.hidden = true;
    location.reload();
  });
}
