"""The mails about people: one function per mail, each returning a message ready to send."""

from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.links import absolute
from accounts.models import MailKind
from accounts.unsubscribe import unsubscribe_url

# Mail programs heed attributes; those that know the dark scheme need its rule as well.
_inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def new_follower(follow):
    """Tells `follow.followed` who follows them now."""
    return member_mail(
        follow.followed,
        MailKind.NEW_FOLLOWER,
        "accounts/email/new_follower",
        follower=follow.follower,
        profile_url=absolute(follow.follower.get_absolute_url()),
    )


def member_mail(recipient, kind, template, **context):
    """Return a mail to `recipient` that can be unsubscribed from with one click (RFC 8058, RFC 2919).

    `template` is the common start of the names of its subject, text and HTML templates.
    """
    context |= {
        "recipient": recipient,
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "settings_url": absolute(reverse("accounts:settings")),
        "unsubscribe_url": unsubscribe_url(recipient, kind),
    }
    # A subject is one line, whatever people call themselves.
    subject = " ".join(render_to_string(f"{template}_subject.txt", context).split())
    message = EmailMultiAlternatives(
        subject,
        render_to_string(f"{template}_body.txt", context),
        to=[recipient.email],
        headers={
            "List-ID": list_id(kind),
            "List-Unsubscribe": f"<{context['unsubscribe_url']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    html = _inliner.inline(render_to_string(f"{template}_body.html", context))
    message.attach_alternative(html, "text/html")
    return message


def list_id(kind):
    """What mail programs sort by, for example <new-follower.social.example.com> (RFC 2919)."""
    host = urlsplit(settings.SITE_URL).hostname
    return f"<{kind.replace('_', '-')}.{host}>"
