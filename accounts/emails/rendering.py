"""Renders emails: text and HTML from templates, in the recipient's language and time zone."""

from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.common.app_settings import app_settings
from accounts.common.links import absolute, home_path
from accounts.common.locale import language_of, zone_of
from accounts.emails.unsubscribe import unsubscribe_url

# Many email programs support only style attributes. Those with a dark colour scheme also need the at-rule for it.
_inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def build_email(email_type, recipient, content, *, address=""):
    """Return the email of `email_type` to `recipient` as a message, at `address` if it isn't their current one.

    An optional email can be turned off with one click (RFC 8058, RFC 2919).
    """
    with localized_for(recipient):
        context = build_context(email_type, recipient, content)
        subject, text, html = render(email_type.template, context)
    headers = {}
    if email_type.is_optional:
        headers = {
            "List-ID": list_id(email_type),
            "List-Unsubscribe": f"<{context['unsubscribe_url']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return build_message(subject, text, html, address or recipient.email, headers=headers)


def build_message(subject, text, html, address, *, headers=None, from_email=None):
    """Return a message with a text and an HTML body that asks email programs not to send automatic replies (RFC 3834)."""
    headers = {"Auto-Submitted": "auto-generated"} | (headers or {})
    message = EmailMultiAlternatives(subject, text, from_email, [address], headers=headers)
    if html:
        message.attach_alternative(html, "text/html")
    return message


def render(template, context, body="body"):
    """Return the subject, the text, and the HTML with inline styles."""
    context = site_context() | context
    subject = render_subject(template, context)
    text = render_to_string(f"{template}_{body}.txt", context).strip() + "\n"
    html = render_to_string(f"{template}_{body}.html", context | {"subject": subject})
    return subject, text, _inliner.inline(html)


def render_subject(template, context):
    """Return the subject on one line, even if a member's name holds line breaks."""
    return " ".join(render_to_string(f"{template}_subject.txt", context).split())


def preview(email_type, recipient):
    """Return the HTML of a sample of `email_type` as a page."""
    with localized_for(recipient):
        context = build_context(email_type, recipient, email_type.sample(recipient))
        return render_page(email_type.template, context)


def render_page(template, context, body="body"):
    """Return the HTML of an email with a style sheet, because our Content-Security-Policy forbids inline styles."""
    context = site_context() | context | {"preview": True}
    return render_to_string(
        f"{template}_{body}.html", context | {"subject": render_subject(template, context)}
    )


def build_context(email_type, recipient, content):
    """Return `content` plus the variables that the templates of every type need."""
    context = {"recipient": recipient, "settings_url": absolute(reverse("accounts:settings-emails"))}
    if email_type.is_optional:
        context["unsubscribe_url"] = unsubscribe_url(recipient, email_type)
    return context | content


def site_context():
    """Return the variables that the base templates need."""
    return {
        "site_name": app_settings.SITE_NAME,
        "home_url": urljoin(app_settings.SITE_URL, home_path()),
        "contact_email": app_settings.CONTACT_EMAIL,
    }


@contextmanager
def localized_for(recipient):
    """Switch to the recipient's language and time zone."""
    language = language_of(recipient) or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(zone_of(recipient)):
        yield


def list_id(email_type):
    """Return the List-Id that email programs can filter by, such as <new-follower.social.example.com> (RFC 2919)."""
    host = urlsplit(app_settings.SITE_URL).hostname
    return f"<{email_type.name.replace('_', '-')}.{host}>"
