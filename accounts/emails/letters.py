"""Mails as they leave: text and HTML from templates, in the recipient's language and time zone."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.emails.unsubscribe import unsubscribe_url
from accounts.links import absolute
from accounts.locale import language_of, zone_of

# Mail programs heed attributes; those that know the dark scheme need its rule as well.
_inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def letter(kind, recipient, content, *, address=""):
    """Return the mail of `kind` to `recipient`, ready to send, at `address` if that is not their own.

    An optional one can be unsubscribed from with one click (RFC 8058, RFC 2919).
    """
    with speaking_to(recipient):
        context = context_of(kind, recipient, content)
        subject, text, html = render(kind.template, context)
    headers = {}
    if kind.is_optional:
        headers = {
            "List-ID": list_id(kind),
            "List-Unsubscribe": f"<{context['unsubscribe_url']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return message(subject, text, html, address or recipient.email, headers=headers)


def message(subject, text, html, address, *, headers=None, from_email=None):
    """Return a mail with both bodies that no program answers with a note of absence (RFC 3834)."""
    headers = {"Auto-Submitted": "auto-generated"} | (headers or {})
    mail = EmailMultiAlternatives(subject, text, from_email, [address], headers=headers)
    if html:
        mail.attach_alternative(html, "text/html")
    return mail


def render(template, context, body="body"):
    """Return the subject, the text and the HTML with its styles in the elements."""
    context = site_context() | context
    subject = subject_of(template, context)
    text = render_to_string(f"{template}_{body}.txt", context).strip() + "\n"
    html = render_to_string(f"{template}_{body}.html", context | {"subject": subject})
    return subject, text, _inliner.inline(html)


def subject_of(template, context):
    """The subject: one line, whatever people call themselves."""
    return " ".join(render_to_string(f"{template}_subject.txt", context).split())


def preview(kind, recipient):
    """Return the HTML of a mail of `kind` with made-up facts, as a page: its styles come from a style sheet."""
    with speaking_to(recipient):
        return page(kind.template, context_of(kind, recipient, kind.sample(recipient)))


def page(template, context, body="body"):
    """Return the HTML of a mail with its styles in a style sheet, as our pages' policy wants it."""
    context = site_context() | context | {"preview": True}
    return render_to_string(f"{template}_{body}.html", context | {"subject": subject_of(template, context)})


def context_of(kind, recipient, content):
    context = {"recipient": recipient, "settings_url": absolute(reverse("accounts:settings"))}
    if kind.is_optional:
        context["unsubscribe_url"] = unsubscribe_url(recipient, kind)
    return context | content


def site_context():
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "contact_email": getattr(settings, "CONTACT_EMAIL", ""),
    }


@contextmanager
def speaking_to(recipient):
    """Speak the recipient's language and show times in their zone."""
    language = language_of(recipient) or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(zone_of(recipient)):
        yield


def list_id(kind):
    """What mail programs sort by, for example <new-follower.social.example.com> (RFC 2919)."""
    host = urlsplit(settings.SITE_URL).hostname
    return f"<{kind.name.replace('_', '-')}.{host}>"
