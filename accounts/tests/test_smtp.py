"""What the replies of mail servers mean for an email and its job."""

import smtplib

import pytest

from accounts.emails.smtp import is_hard_bounce, server_reply
from accounts.jobs.errors import is_transient


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (smtplib.SMTPServerDisconnected(), True),
        (smtplib.SMTPResponseException(451, b"later"), True),
        (smtplib.SMTPResponseException(-1, b"no reply"), True),
        (smtplib.SMTPAuthenticationError(535, b"who are you"), True),
        (smtplib.SMTPSenderRefused(550, b"not from you", "us@example.org"), True),
        (smtplib.SMTPResponseException(554, b"never"), False),
        (smtplib.SMTPRecipientsRefused({"a": (450, b"later"), "b": (550, b"never")}), True),
        (smtplib.SMTPRecipientsRefused({"a": (550, b"never")}), False),
    ],
)
def test_a_job_is_retried_after_a_temporary_error(error, transient):
    assert is_transient(error) is transient


@pytest.mark.parametrize(
    ("code", "reply", "missing"),
    [
        (550, b"no such user", True),
        (550, b"5.1.1 no such user", True),
        (550, b"5.2.1 mailbox disabled", True),
        (550, b"5.7.1 relaying denied", False),  # Our fault, not the address's.
        (552, b"5.2.2 mailbox full", False),
        (554, b"no", False),
        (451, b"later", False),
    ],
)
def test_some_replies_mean_that_the_address_does_not_exist(code, reply, missing):
    assert is_hard_bounce(smtplib.SMTPRecipientsRefused({"a@example.org": (code, reply)})) is missing


def test_the_server_reply_is_put_on_one_line():
    refused = smtplib.SMTPRecipientsRefused({"a@example.org": (550, b"no\r\nsuch user")})
    assert server_reply(refused) == "550 no such user"
    assert server_reply(smtplib.SMTPDataError(554, b"spam?")) == "554 spam?"
    assert server_reply(TimeoutError("timed out")) == "TimeoutError: timed out"
