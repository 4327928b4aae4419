"""A member takes their data home."""

from django.http import FileResponse
from django.utils import timezone
from django.views import View

from accounts import deadlines, rate_limits
from posts.export import export_data

# Who has written ten thousand posts gets them, too.
EXPORT_SECONDS = 60


class ExportView(View):
    """The member's data, to take home."""

    def get(self, request):
        rate_limits.hit("export", request.user.pk, rate_limits.limit("EXPORT_LIMIT", (20, 3600)))
        name = f"{request.user.username}-{timezone.localdate()}.zip"
        with deadlines.limit(EXPORT_SECONDS):
            data = export_data(request.user)
        return FileResponse(data, as_attachment=True, filename=name)
