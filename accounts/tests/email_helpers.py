"""Helpers for the tests of emails."""

import re
import smtplib
from datetime import UTC, datetime
from unittest import mock

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from accounts.notifications import digests, types

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def choose(member, frequency, type_name="new_follower"):
    """Let the member choose how often they get that type."""
    digests.choose(member, types.get(type_name), frequency)


def count_people(message):
    """Return how many people an email is about: those it names and those it counts."""
    named = len(re.findall(r"^(?:\S.* \()?@\w+\)?$", message.body, re.M))
    more = re.search(r"And ([\d,]+) more\.", message.body)
    return named + (int(more[1].replace(",", "")) if more else 0)


def link_in(message):
    """Return the path of the first link in an email to a page of the site."""
    return re.search(rf"{re.escape(settings.SITE_URL)}(/\S+)", message.body)[1]


def mail_server_down(error=ConnectionRefusedError):
    """Return a context manager in which sending raises `error`."""
    return mock.patch.object(EmailMultiAlternatives, "send", side_effect=error)


def mail_server_refuses(code, reply):
    """Return a context manager in which the mail server refuses the recipient."""
    return mail_server_down(smtplib.SMTPRecipientsRefused({"ada@example.org": (code, reply)}))
