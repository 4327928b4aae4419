"""Recovers the text that a member submitted, so that an error page can show it and the member can send it again."""

from django.http import QueryDict
from django.middleware.csrf import get_token
from django.urls import reverse

from accounts.common.text import fit
from posts import drafts

# How many bytes to read from a body that is too large. No valid post is nearly that long.
MAX_BYTES = 100_000


def recover_submitted_text(request, status):
    """Return the context for an error page's form with the submitted text, or an empty dict if there is no text.

    `writer` is the signed field that identifies the writer. The new form must also contain it.
    """
    try:
        data = _start_of_body(request) if status == 413 else request.POST
        text, writer = data.get("content", ""), data.get(drafts.WRITER, "")
        if status == 413:
            text = fit(text, len(text) - 10)  # The last character may be incomplete.
        # If the page no longer exists, the member can publish the text as a new post.
        action = reverse("posts:add") if status == 404 else request.path
    except Exception:
        # The original error may be that the body can't be read, and error pages must not fail.
        return {}
    if not text:
        return {}
    return {"submitted_text": text, "writer": writer, "action": action, "csrf": get_token(request)}


def _start_of_body(request):
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return QueryDict(request.read(MAX_BYTES))
