"""What an error means for the job that met it: whether time can mend it, and whether an address is to blame."""

import re
from smtplib import SMTPAuthenticationError, SMTPRecipientsRefused, SMTPResponseException, SMTPSenderRefused

from django import db

from accounts.text import clean_line

# Enhanced status codes (RFC 3463) that speak of the address; others of policy, size or the network.
_of_the_address = re.compile(r"5\.(1\.\d+|2\.1)\b")
_enhanced = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
# What servers without such codes answer about mailboxes (RFC 5321).
_MAILBOX_CODES = (550, 551, 553)


def may_pass(error):
    """Whether trying again later can help: the server is away, says 4xx or does not know us; the database failed.

    Any error of the database counts: most pass with its restart, a failover or the end of a migration, and a job whose row
    is really refused fails after some tries. Or the worker was told to stop at once, which is no fault of the job's.
    """
    if isinstance(error, SMTPRecipientsRefused):
        return any(400 <= code < 500 for code, _reason in error.recipients.values())
    if isinstance(error, SMTPAuthenticationError | SMTPSenderRefused):
        return True  # Whoever runs the site will mend the password or the sender.
    if isinstance(error, SMTPResponseException):
        return 400 <= error.smtp_code < 500 or error.smtp_code == -1
    return isinstance(error, OSError | db.Error | SystemExit | KeyboardInterrupt)


def is_no_address(error):
    """Whether the mail server says that there is no such address, for good."""
    if not isinstance(error, SMTPRecipientsRefused):
        return False
    return all(_no_mailbox(code, _text(reason)) for code, reason in error.recipients.values())


def answer_of(error):
    """What the mail server said, on one line, or else the error's own words."""
    if isinstance(error, SMTPRecipientsRefused):
        answers = [f"{code} {_text(reason)}" for code, reason in error.recipients.values()]
        return clean_line("; ".join(answers))
    if isinstance(error, SMTPResponseException):
        return clean_line(f"{error.smtp_code} {_text(error.smtp_error)}")
    return clean_line(f"{type(error).__name__}: {error}")


def _no_mailbox(code, text):
    if _enhanced.search(text):
        return bool(_of_the_address.search(text))
    return code in _MAILBOX_CODES


def _text(reason):
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
