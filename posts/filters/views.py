"""The settings page with a member's filters, and the one to change a filter."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View

from posts.filters.forms import FilterForm
from posts.filters.models import Filter


class FilterPageView(LoginRequiredMixin, View):
    """A page with a form for a filter, which leads back to the list."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = None
    done_message = None

    def get_filter(self):
        raise NotImplementedError

    def get(self, request, **kwargs):
        return self.render_form(FilterForm(instance=self.get_filter()))

    def post(self, request, **kwargs):
        form = FilterForm(request.POST, instance=self.get_filter())
        if not form.is_valid() or not form.store():
            return self.render_form(form)
        messages.success(request, self.get_done_message())
        return HttpResponseRedirect(reverse("posts:filters"))

    def get_done_message(self):
        raise NotImplementedError

    def get_context_data(self, **kwargs):
        return kwargs

    def render_form(self, form):
        return render(self.request, self.template_name, self.get_context_data(form=form))


class FiltersView(FilterPageView):
    """The member's filters, newest first, and a form to add one."""

    template_name = "posts/filters.html"

    def get_filter(self):
        return Filter(member=self.request.user)

    def get_done_message(self):
        return _("Filter added.")

    def get_context_data(self, **kwargs):
        filters = Filter.objects.of(self.request.user).active(timezone.now()).order_by("-pk")
        return super().get_context_data(filters=list(filters), **kwargs)


class FilterView(FilterPageView):
    template_name = "posts/filter_form.html"

    def get_filter(self):
        filters = Filter.objects.of(self.request.user).active(timezone.now())
        # An invalid form changes this object, so it isn't the one in the request.
        return get_object_or_404(filters.select_related("member"), pk=self.kwargs["pk"])

    def get_done_message(self):
        return _("Saved.")


class RemoveFilterView(LoginRequiredMixin, View):
    """Removes a filter. It does no harm if that has already happened."""

    http_method_names = ["post", "options"]

    def post(self, request, pk):
        deleted, _by_model = Filter.objects.of(request.user).filter(pk=pk).delete()
        if deleted:
            messages.success(request, _("Filter removed."))
        return HttpResponseRedirect(reverse("posts:filters"))
