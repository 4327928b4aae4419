"""A member takes their data home."""

from django.http import FileResponse
from django.utils import timezone
from django.views import View

from accounts import deadlines, rate_limits
from posts.export import export_data


class ExportView(View):
    """The member's data, to take home."""

    def get(self, request):
        rate_limits.hit("export", request.user.pk, rate_limits.limit("EXPORT_LIMIT", (20, 3600)))
        name = f"{request.user.username}-{timezone.localdate()}.zip"
        deadlines.extend()
        return FileResponse(export_data(request.user), as_attachment=True, filename=name)
