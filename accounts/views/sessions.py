"""Ends one of the member's sessions. allauth's page can only end all others at once."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views import View


class EndSessionView(LoginRequiredMixin, View):
    """Logs out one of the member's other devices. If it is logged out already, there is nothing left to do."""

    http_method_names = ["post"]

    def post(self, request, pk):
        # The member is locked, so two requests never end the same session.
        session = UserSession.objects.filter(user=request.user, pk=pk).first()
        if session and not session.is_current():
            session.end()
            messages.success(request, _("That device is logged out."))
        return redirect("usersessions_list")
