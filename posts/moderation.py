"""Makes posts reportable, and lets moderators handle them: see accounts.moderation."""

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.moderation import permissions
from accounts.moderation.subjects import ReportSubject, register
from posts.models import Post
from posts.querysets import CappedPostCount
from posts.rendering.cards import render_cards


@register
class PostSubject(ReportSubject):
    name = "post"
    model = Post
    title = _("Report a post")
    question = _("What's wrong with this post?")
    already_reported = _("You've already reported this post.")
    template_name = "posts/_reported.html"
    card_title = _("Post by @%(name)s")
    tab = _("Posts")
    can_be_hidden = True
    hide_permission = "posts.change_post"
    person_template_name = "posts/_moderated.html"
    count_label = _("Posts: %(count)s")
    hide_label = _("Hide post")
    hidden_message = _("Post by @%(name)s hidden.")
    deleted_message = _("The author has deleted this post.")

    def reportable_by(self, reporter):
        return Post.objects.visible_to(reporter).exclude(author=reporter).for_display()

    def prepare(self, subject):
        render_cards([subject])

    def prepare_all(self, rows):
        render_cards(rows)

    def with_people(self, keys):
        return Post.objects.filter(pk__in=keys).for_display()

    def newest_of(self, person, limit):
        return render_cards(Post.objects.by(person).for_display().newest_first()[:limit])

    def counts_of(self, people, limit):
        counted = User.objects.filter(pk__in=people).annotate(count=CappedPostCount("pk", limit=limit))
        return dict(counted.values_list("pk", "count"))

    def is_hidden(self, subject):
        return subject.hidden_on is not None

    def hide(self, subject, **details):
        return subject.hide(**details)

    def restore(self, subject, **details):
        return subject.restore(**details)


permissions.register("posts", ["view_post", "change_post"])
