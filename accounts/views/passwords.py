"""Checks a new password while it is typed."""

from allauth.account.adapter import get_adapter
from allauth.core.ratelimit import consume
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorList
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.models import User
from accounts.passwords import MAX_PREPARED_LENGTH


@method_decorator([login_not_required, sensitive_post_parameters(), never_cache], name="dispatch")
class PasswordCheckView(View):
    """Returns what is wrong with the password in `password1`, as the form would show it, or nothing.

    The password is neither stored nor logged. `username` and `email` are those that a visitor has typed, because a password
    must not be like them. The form checks everything again.
    """

    http_method_names = ["post"]

    def post(self, request):
        if not consume(request, action="check_password"):
            return HttpResponse(status=429)
        return HttpResponse(str(ErrorList(self.errors(), field_id="id_password1")))

    def errors(self):
        """Return the messages as a list."""
        password = self.request.POST.get("password1", "")
        # Nothing was typed yet, or so much that only the form should take the time to check it.
        if not 0 < len(password) <= MAX_PREPARED_LENGTH:
            return []
        try:
            get_adapter().clean_password(password, self.owner())
        except ValidationError as error:
            return error.messages
        return []

    def owner(self):
        """Return the member or, for a visitor, a User with the typed username and email, which isn't stored."""
        if self.request.user.is_authenticated:
            return self.request.user
        typed = {name: self.request.POST.get(name, "")[:254] for name in ("username", "email")}
        return User(**typed)
