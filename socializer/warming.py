"""What a process does before its first request, so that nobody waits for it. It needs no database."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.template.loader import get_template

from posts.forms import PostForm


def warm_up():
    """Compile the templates of the site, and show a home to nobody: that reads the icons and the URL patterns."""
    for folder in map(Path, settings.TEMPLATES[0]["DIRS"]):
        for path in folder.rglob("*.html"):
            get_template(path.relative_to(folder).as_posix())
    nobody = get_user_model()(pk=0, username="nobody")
    get_template("posts/home_timeline.html").render({"user": nobody, "form": PostForm.empty()})
