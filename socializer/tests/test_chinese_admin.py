"""The admin in Chinese: the only English comes from libraries."""

import re

from django.test import Client
from django.urls import reverse

from accounts.emails.models import Delivery, SuppressedAddress
from accounts.jobs import registry
from accounts.jobs.models import Job
from accounts.models import Follow
from accounts.moderation.actions import moderate
from accounts.moderation.models import ModerationAction
from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import ReportFactory
from socializer.tests.browser.conftest import make_network
from socializer.tests.test_chinese import walk

# What libraries leave untranslated in the admin.
ADMIN_IN_ENGLISH = {
    "Add link",
    "Authenticators",
    "Change or view list link",
    "False",
    "Model name",
    "Search",
    "True",
}
# The names of jobs and notification types in lists and titles, and shortened posts.
CODE = re.compile("|".join([*map(re.escape, registry.all_names()), r"\bnew_follower\b", "x{30}"]))


def test_our_own_texts_in_the_admin(db, run_jobs):
    network = make_network()
    root = UserFactory(username="root", is_staff=True, is_superuser=True)
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(root)
    network["bob"].follow(network["ada"])
    run_jobs()
    SuppressedAddress.objects.create(address="x@b.org", answer="550")
    ReportFactory(post=network["other"], reporter=network["bob"])
    moderate(root, Post.hide, Post.objects.filter(pk=network["own"].pk), "理由")
    rows = [model.objects.first() for model in (Follow, ModerationAction, Delivery, SuppressedAddress, Job)]
    rows += [Post.objects.get(pk=network["own"].pk)]
    lists = ["/admin/accounts/user/", "/admin/accounts/job/?state=all"]
    lists += ["/admin/moderation/", "/admin/moderation/people/bob/", "/admin/moderation/record/"]
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        lists += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])]

    found = {text for english in walk(client, lists).values() for text in english}
    assert {text for text in found - ADMIN_IN_ENGLISH if not CODE.search(text)} == set()
