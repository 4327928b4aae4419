from django.utils.cache import patch_vary_headers
from django.views.generic import TemplateView
from django_htmx.http import HttpResponseClientRefresh

from accounts.common.cursors import MAX_POSITION, PAGE_SIZE, Cursor, fetch_from, paginate


class CursorListView(TemplateView):
    """One page of a list of people or posts, paged by cursor. The context has it as `page`.

    A subclass overrides `get_queryset()`, in descending order of `position`. For more of the list, htmx requests the same URL
    and gets only `fragment_name`, which it appends.
    """

    fragment_name = None
    page_size = PAGE_SIZE
    max_position = MAX_POSITION

    def get(self, request, *args, **kwargs):
        viewer = str(request.user.pk or "")
        if request.htmx and request.headers.get("X-Viewer", viewer) != viewer:
            # The user logged in or out in another tab, so these rows don't belong on the page that is open.
            return HttpResponseClientRefresh()
        return super().get(request, *args, **kwargs)

    def get_cursor(self):
        return Cursor.from_query(self.request.GET, self.max_position)

    def get_page(self):
        return paginate(fetch_from(self.get_queryset()), self.get_cursor(), self.page_size)

    def get_context_data(self, **kwargs):
        return super().get_context_data(page=self.get_page(), **kwargs)

    def get_template_names(self):
        return [self.fragment_name] if self.request.htmx else super().get_template_names()

    def render_to_response(self, context, **kwargs):
        response = super().render_to_response(context, **kwargs)
        patch_vary_headers(response, ["HX-Request"])
        return response
