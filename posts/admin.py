from django.contrib import admin
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import ReadOnlyAdmin
from posts.models import Post


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin):
    """Posts, to be hidden and restored by actions, and not changed in any other way."""

    list_display = ["beginning", "author", "created_on", "hidden_on", "on_site"]
    list_select_related = ["author"]
    list_filter = [("hidden_on", admin.EmptyFieldListFilter)]
    search_fields = ["content", "=author__username"]
    ordering = ["-id"]
    actions = ["hide", "restore"]

    def has_moderate_permission(self, request):
        return request.user.has_perm("posts.change_post")

    @admin.display(description=_("text"))
    def beginning(self, post):
        return Truncator(post.content).chars(80)

    @admin.display(description=_("on the site"))
    def on_site(self, post):
        return format_html('<a href="{}">{}</a>', post.get_absolute_url(), _("Open"))

    @admin.action(description=_("Hide from everyone but the author"), permissions=["moderate"])
    def hide(self, request, queryset):
        changed = sum(post.hide() for post in queryset)
        self.message_user(request, ngettext("%d post hidden.", "%d posts hidden.", changed) % changed)

    @admin.action(description=_("Restore"), permissions=["moderate"])
    def restore(self, request, queryset):
        changed = sum(post.restore() for post in queryset)
        self.message_user(request, ngettext("%d post restored.", "%d posts restored.", changed) % changed)
