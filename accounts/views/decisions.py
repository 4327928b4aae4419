"""What members see of moderators' decisions about them, and the page of a suspended member."""

from operator import attrgetter

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView

from accounts.common.cursors import fetch_from, paginate
from accounts.common.lists import CursorListView
from accounts.common.locale import zone_of
from accounts.moderation import unseen
from accounts.moderation.forms import AppealForm, AppealRefused
from accounts.moderation.models import Appeal, ModerationAction
from accounts.suspended_access import SuspendedToo, revoke, suspended_context, suspended_member


class DecisionsView(SuspendedToo, CursorListView):
    """Decisions about the member and their posts, newest first."""

    http_method_names = ["get", "head", "options"]
    template_name = "accounts/decisions.html"
    fragment_name = "accounts/_decisions.html"

    def get_queryset(self):
        return ModerationAction.objects.shown_to(self.person).order_by("-pk")

    def get_page(self):
        fetch = fetch_from(self.get_queryset(), "pk")
        page = paginate(fetch, self.get_cursor(), self.page_size, position=attrgetter("pk"))
        unseen.mark_opened(self.person, page)
        return page


class AppealView(SuspendedToo, FormView):
    """The form to appeal a decision, or why that isn't possible now."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/appeal.html"
    form_class = AppealForm

    @cached_property
    def decision(self):
        decisions = ModerationAction.objects.shown_to(self.person)
        decision = get_object_or_404(decisions, pk=self.kwargs["pk"])
        if not decision.is_appealable:
            raise Http404
        return decision

    def get_form_kwargs(self):
        # With `action` instead, the decision would have an appeal before one is stored.
        appeal = Appeal(action_id=self.decision.pk, person=self.person)
        return super().get_form_kwargs() | {"instance": appeal}

    def get_context_data(self, **kwargs):
        kwargs.setdefault("refusal", self.decision.why_no_appeal())
        unseen.mark_opened(self.person, [self.decision])
        return super().get_context_data(decision=self.decision, **kwargs)

    def form_valid(self, form):
        try:
            form.save()
        except AppealRefused as refused:
            return self.render_to_response(self.get_context_data(form=form, refusal=str(refused)))
        except ModerationAction.DoesNotExist as error:
            raise Http404 from error
        text = _("We've received your appeal. A moderator will read it, and we'll email you the answer.")
        messages.success(self.request, text)
        return HttpResponseRedirect(reverse("accounts:decisions"))


@method_decorator(login_not_required, name="dispatch")
class SuspendedView(TemplateView):
    """Tells suspended members why and until when. They get here by logging in, without being logged in. POST ends the visit."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/suspended.html"

    def dispatch(self, request, *args, **kwargs):
        self.person = suspended_member(request)
        if self.person is None:
            return redirect("account_login")
        timezone.activate(zone_of(self.person))
        return super().dispatch(request, *args, **kwargs)

    def post(self, request):
        revoke(request)
        return redirect("account_login")

    def get_context_data(self, **kwargs):
        suspensions = ModerationAction.objects.shown_to(self.person).filter(action="suspend", is_over=False)
        decision = suspensions.order_by("-pk").first()
        if decision:
            unseen.mark_opened(self.person, [decision])
        kwargs = suspended_context() | kwargs
        return super().get_context_data(person=self.person, decision=decision, **kwargs)
