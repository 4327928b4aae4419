"""What somebody typed, given back by an error page, so that it can be sent again."""

from django.http import QueryDict
from django.middleware.csrf import get_token
from django.urls import reverse

from accounts.text import fit
from posts import drafts

# Of a body too big to be read, so many bytes are; far more than any post may have.
BEGINNING = 100_000


def given_back(request, status):
    """Return what error pages need to show a post's text in a form of its own, or an empty dict if there is none.

    `writer` is the signed field that says whose text it is: the new form must not lose it.
    """
    try:
        sent = _beginning(request) if status == 413 else request.POST
        text, writer = sent.get("content", ""), sent.get(drafts.WRITER, "")
        if status == 413:
            text = fit(text, len(text) - 10)  # Where the body was cut, half a character may be left.
        # What is gone or closed cannot take it; a new post can.
        action = reverse("posts:add") if status == 404 else request.path
    except Exception:
        # A body that cannot be read, say, which is what the page is about. An error page has no errors.
        return {}
    return {"typed": text, "writer": writer, "action": action, "csrf": get_token(request)} if text else {}


def _beginning(request):
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return QueryDict(request.read(BEGINNING))
