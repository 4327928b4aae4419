"""Texts that arrived after their writer's session had ended: kept in the browser's session until that writer logs in.

A browser may be shared, so who logs in next proves nothing. Every form for a text carries its writer's id, signed. A
text is only kept if the form says whose it is, and only that member ever sees it again.
"""

from django.core.signing import BadSignature, Signer

from accounts.text import fit
from posts.validators import MAX_CODE_POINTS

# The name of the form's hidden field.
WRITER = "writer"
KEY = "drafts"
# Several windows may have been open; more texts than this would make the session long.
MOST = 5

signer = Signer(salt="posts.writer")


def sign_writer(user):
    """Return the value of the hidden field for a form that is shown to `user`."""
    return signer.sign(str(user.pk))


def writer_of(data):
    """Return the primary key, as text, of the member whom the form was shown to, or None if it doesn't say so."""
    try:
        return signer.unsign(data.get(WRITER, ""))
    except BadSignature:
        return None


def keep(request, writer, text):
    """Keep `text`, sent to the page at hand, for the member with that primary key."""
    kept = [*request.session.get(KEY, []), [writer, request.path, fit(text, MAX_CODE_POINTS)]]
    request.session[KEY] = kept[-MOST:]


def take(request):
    """Return the latest text that the member sent to the page at hand, and stop keeping it. Empty if there is none."""
    kept = request.session.get(KEY, [])
    for number in reversed(range(len(kept))):
        writer, path, text = kept[number]
        if (writer, path) == (str(request.user.pk), request.path):
            request.session[KEY] = kept[:number] + kept[number + 1 :]
            return text
    return ""


def forget_others(sender, request, user, **kwargs):
    """Receive `user_logged_in`: drop what this browser's session keeps for anybody else."""
    if kept := request.session.get(KEY):
        request.session[KEY] = [draft for draft in kept if draft[0] == str(user.pk)]
