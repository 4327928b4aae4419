"""What the tests of mails share."""

import re
import smtplib
from datetime import UTC, datetime
from unittest import mock

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from accounts.emails import kinds, plans

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def choose(member, when, kind="new_follower"):
    plans.choose(member, kinds.get(kind), when)


def counted(mail):
    """How many people a mail tells of."""
    named = len(re.findall(r"^(?:\S.* \()?@\w+\)?$", mail.body, re.M))
    more = re.search(r"and ([\d,]+) more\.", mail.body)
    return named + (int(more[1].replace(",", "")) if more else 0)


def link_in(mail):
    """The path of the first link in a mail that leads to a page of the site."""
    return re.search(rf"{re.escape(settings.SITE_URL)}(/\S+)", mail.body)[1]


def refuse(code, answer):
    refused = smtplib.SMTPRecipientsRefused({"ada@example.org": (code, answer)})
    return mock.patch.object(EmailMultiAlternatives, "send", side_effect=refused)
