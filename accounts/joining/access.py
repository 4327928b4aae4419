"""What people whose application isn't approved can open. PendingMiddleware leads them from every other page to their application.

A view is closed to them unless it is marked with `pending_too` or its URL has one of the names in `pending_pages`.
"""

# Names of URLs of views in lower rooms, and of allauth's.
pending_pages = {
    "accounts:email-style",
    "accounts:unsubscribe",
    "accounts:check-password",
    "account_logout",
    "account_inactive",
    "account_confirm_email",
    "account_email_verification_sent",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}


def pending_too(view):
    """Mark a view as open to people whose application isn't approved. It shows nothing of other members."""
    view.pending_too = True
    return view


def is_open_to_pending(request, view):
    return getattr(view, "pending_too", False) or request.resolver_match.view_name in pending_pages
