"""What suspended members can open without being logged in, after they have entered the right password.

These are the pages about decisions, appeals and the export. A value in the session opens them for half an hour.
"""

from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator

from accounts.common.locale import zone_of
from accounts.models import User

KEY = "suspended_member"
VALID_FOR = timedelta(minutes=30)


def grant(request, user):
    """Open the pages to a suspended member who has proved who they are."""
    request.session.cycle_key()
    expires_on = timezone.now() + VALID_FOR
    request.session[KEY] = [user.pk, user.get_session_auth_hash(), expires_on.timestamp()]


def revoke(request):
    """Close the pages again."""
    request.session.pop(KEY, None)


def suspended_member(request):
    """Return the suspended member to whom the pages are open in this browser, or None."""
    stored = request.session.get(KEY)
    if not stored:
        return None
    pk, session_hash, expires_on = stored
    # A clock that was ahead may have stored a later time.
    if not 0 < expires_on - timezone.now().timestamp() <= VALID_FOR.total_seconds():
        return None
    user = User.objects.suspended().filter(pk=pk).first()
    return user if user and constant_time_compare(session_hash, user.get_session_auth_hash()) else None


def suspended_context():
    """Return the context for a page that a suspended member opens. Its links lead to the page about the suspension."""
    return {"is_suspended": True, "home_url": reverse("accounts:suspended")}


@method_decorator(login_not_required, name="dispatch")
class SuspendedToo:
    """A mixin for pages that are also open to suspended members. `person` is the member who opens the page."""

    def dispatch(self, request, *args, **kwargs):
        self.person = request.user if request.user.is_authenticated else suspended_member(request)
        if self.person is None:
            return redirect_to_login(request.get_full_path())
        timezone.activate(zone_of(self.person))
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        if not self.request.user.is_authenticated:
            kwargs = suspended_context() | kwargs
        return super().get_context_data(**kwargs)
