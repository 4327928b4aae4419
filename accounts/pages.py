from django.utils.cache import patch_vary_headers
from django.views.generic import TemplateView
from django_htmx.http import HttpResponseClientRefresh

from accounts.paging import MAX_POSITION, Cursor, fetch_from, paginate


class CursorListView(TemplateView):
    """A list of people or posts, one page of it by cursor, as `page` in the context.

    A subclass says with `get_queryset()` what is listed, ordered by falling `position`. htmx asks for more of the
    list under the same address and gets `fragment_name` alone, to append.
    """

    fragment_name = None
    page_size = 20
    max_position = MAX_POSITION

    def get(self, request, *args, **kwargs):
        viewer = str(request.user.pk or "")
        if request.htmx and request.headers.get("X-Viewer", viewer) != viewer:
            # Somebody has logged in or out in another tab: what comes now does not belong below what is there.
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
