from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.shortcuts import redirect
from django.utils.translation import gettext as _


class SocializerAdminSite(AdminSite):
    """The admin, reached by the site's own log-in and, where ADMIN_SECOND_FACTOR says so, with a second factor."""

    site_title = site_header = settings.SITE_NAME

    def has_permission(self, request):
        # Whoever has a second factor was asked for it at log-in.
        return super().has_permission(request) and self.has_factor(request.user)

    def has_factor(self, user):
        return not settings.ADMIN_SECOND_FACTOR or is_mfa_enabled(user)

    def login(self, request, extra_context=None):
        user = request.user
        if user.is_staff and user.is_active and not self.has_factor(user):
            messages.info(request, _("The admin asks for a second factor. Set one up, then come back."))
            return redirect("mfa_index")
        # The admin's own log-in knows neither rate limits nor second factors.
        return secure_admin_login(super().login)(request, extra_context)
