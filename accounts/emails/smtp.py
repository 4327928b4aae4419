"""Interprets mail server errors: whether to try again, and whether the address exists."""

import re
from smtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from accounts.common.text import clean_line
from accounts.jobs import errors

# Enhanced status codes (RFC 3463) about the address. Other codes are about policy, size or the network.
_address_status = re.compile(r"5\.(1\.\d+|2\.1)\b")
_enhanced_status = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
# Replies about the mailbox from servers that send no enhanced codes (RFC 5321).
_MAILBOX_CODES = (550, 551, 553)
# smtplib uses this code when the connection broke.
_NO_CODE = -1


@errors.transient_test(SMTPException)
def is_transient(error):
    """Return whether the same email may be accepted later: after a 4xx reply, or once an operator has fixed the login.

    If a message has several recipients, one temporary refusal is enough.
    """
    if isinstance(error, SMTPRecipientsRefused):
        return any(400 <= code < 500 for code, _reason in error.recipients.values())
    if isinstance(error, SMTPAuthenticationError | SMTPSenderRefused):
        return True
    if isinstance(error, SMTPResponseException):
        return 400 <= error.smtp_code < 500 or error.smtp_code == _NO_CODE
    return True


def is_hard_bounce(error):
    """Return whether the mail server reported that none of the addresses exist."""
    if not isinstance(error, SMTPRecipientsRefused):
        return False
    return all(_is_missing_mailbox(code, _decode(reason)) for code, reason in error.recipients.values())


def server_reply(error):
    """Return the mail server's reply on one line, or a description of the error if there was no reply."""
    if isinstance(error, SMTPRecipientsRefused):
        replies = [f"{code} {_decode(reason)}" for code, reason in error.recipients.values()]
        return clean_line("; ".join(replies))
    if isinstance(error, SMTPResponseException):
        return clean_line(f"{error.smtp_code} {_decode(error.smtp_error)}")
    return errors.describe(error)


def _is_missing_mailbox(code, text):
    if _enhanced_status.search(text):
        return bool(_address_status.search(text))
    return code in _MAILBOX_CODES


def _decode(reason):
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
