"""The pages of members who invite people, and the only page of people who wait for approval."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View

from accounts.common.links import home_path
from accounts.common.lists import CursorListView
from accounts.joining.access import pending_too
from accounts.joining.forms import ApplicationForm, InvitationForm
from accounts.joining.invitations import budget_of
from accounts.joining.models import Application, InvitationRefused, InvitationUse
from accounts.models import SignupMode, SiteSettings

# How many of those who used an invitation the list names.
NAMED = 10


class InvitationsView(LoginRequiredMixin, CursorListView):
    """A member's invitations, with the form to make one."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/invitations.html"
    fragment_name = "accounts/_invitations.html"

    @cached_property
    def budget(self):
        return budget_of(self.request.user, SiteSettings.of(self.request))

    def get_queryset(self):
        return self.request.user.invitations.made_by(self.request.user)

    def get_page(self):
        page = super().get_page()
        by_key = {invitation.pk: invitation for invitation in page}
        for invitation in page:
            invitation.creator, invitation.guests = self.request.user, []
        number = Window(RowNumber(), partition_by=F("invitation"), order_by=F("id").asc())
        uses = InvitationUse.objects.filter(invitation__in=by_key).by_visible_people()
        uses = uses.annotate(number=number).filter(number__lte=NAMED)
        for use in uses.select_related("person").order_by("pk"):
            by_key[use.invitation_id].guests.append(use.person)
        for invitation in page:
            invitation.more_guests = invitation.used - len(invitation.guests)
        return page

    def get_form(self, data=None):
        return InvitationForm(data, user=self.request.user, budget=self.budget)

    def post(self, request):
        form = self.get_form(request.POST)
        if self.budget == 0:
            form.add_error(None, _("You can't invite more people at the moment."))
        if form.is_valid():
            try:
                form.save()
            except InvitationRefused as error:
                form.add_error(None, error)
            else:
                messages.success(
                    request, _("Invitation created. Copy the link and send it to the people you invite.")
                )
                return HttpResponseRedirect(f"{request.path}#invitations")
        return self.render_to_response(self.get_context_data(form=form))

    def get_context_data(self, form=None, **kwargs):
        site = SiteSettings.of(self.request)
        return super().get_context_data(
            form=None if self.budget == 0 and form is None else form or self.get_form(),
            budget=self.budget,
            site_budget=site.invitations_per_member,
            is_closed=site.signup_mode == SignupMode.CLOSED,
            **kwargs,
        )


class RevokeInvitationView(LoginRequiredMixin, View):
    """Takes back one of the member's invitations."""

    http_method_names = ["post"]

    def post(self, request, pk):
        invitation = request.user.invitations.filter(pk=pk).first()
        if invitation is None:
            raise Http404
        invitation.revoke()
        messages.success(request, _("Invitation taken back. Its link doesn't work any more."))
        return HttpResponseRedirect(reverse("accounts:invitations"))


@method_decorator(pending_too, name="dispatch")
class ApplicationView(LoginRequiredMixin, TemplateView):
    """The state of the application of somebody who waits for approval or was refused."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/application.html"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.is_pending:
            return redirect(home_path())
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def application(self):
        return Application.objects.filter(person=self.request.user).first()

    @property
    def may_explain(self):
        application = self.application
        return application and application.state == Application.State.WAITING and not application.text

    def post(self, request):
        if not self.may_explain:
            return redirect("accounts:application")
        form = ApplicationForm(request.POST, instance=Application(pk=self.application.pk))
        if form.is_valid():
            if form.save():
                messages.success(request, _("Saved."))
            return redirect("accounts:application")
        return self.render_to_response(self.get_context_data(form=form))

    def get_context_data(self, form=None, **kwargs):
        form = form or (ApplicationForm() if self.may_explain else None)
        return super().get_context_data(application=self.application, form=form, **kwargs)
