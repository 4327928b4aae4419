"""Drafts: texts that were submitted after the writer's session had ended. The new session keeps them until the writer logs in.

People may share a browser, so the next person to log in may not be the writer. Every form for a text contains the signed id of
its writer. A text is saved only if the form identifies the writer, and only that member sees it again.
"""

from django.core.signing import BadSignature, Signer

from accounts.common.text import fit
from posts.validators import MAX_CODE_POINTS

# The name of the form's hidden field.
WRITER = "writer"
SESSION_KEY = "drafts"
# Several windows may have been open, but more drafts than this would make the session too large.
MAX_DRAFTS = 5

signer = Signer(salt="posts.writer")


def sign_writer(user):
    """Return the value of the hidden field for a form that is shown to `user`."""
    return signer.sign(str(user.pk))


def writer_of(data):
    """Return the primary key, as text, of the member to whom the form was shown, or None if the form doesn't identify one."""
    try:
        return signer.unsign(data.get(WRITER, ""))
    except BadSignature:
        return None


def save(request, writer, text, path):
    """Save `text` for the member with the primary key `writer`. The page at `path` will show it."""
    drafts = [*request.session.get(SESSION_KEY, []), [writer, path, fit(text, MAX_CODE_POINTS)]]
    request.session[SESSION_KEY] = drafts[-MAX_DRAFTS:]


def pop(request):
    """Remove and return the latest text that was saved for the member and this page, or "" if there is none."""
    drafts = request.session.get(SESSION_KEY, [])
    for number in reversed(range(len(drafts))):
        writer, path, text = drafts[number]
        if (writer, path) == (str(request.user.pk), request.path):
            request.session[SESSION_KEY] = drafts[:number] + drafts[number + 1 :]
            return text
    return ""


def delete_others(sender, request, user, **kwargs):
    """Receive `user_logged_in`: delete the drafts of other members from this session."""
    if drafts := request.session.get(SESSION_KEY):
        request.session[SESSION_KEY] = [draft for draft in drafts if draft[0] == str(user.pk)]
