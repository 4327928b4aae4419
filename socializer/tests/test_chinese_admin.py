"""The admin in Chinese: no English but that of libraries."""

import re

from django.test import Client
from django.urls import reverse

from accounts.jobs import registry
from accounts.models import Delivery, Follow, Job, ModerationAction, RefusedAddress
from accounts.moderation import moderate
from accounts.tests.factories import UserFactory
from posts.models import Post, Report, ReportedPost
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
# The names of jobs and kinds of mails, in lists and titles; and posts, cut short.
CODE = re.compile("|".join([*map(re.escape, registry.all_names()), r"\bnew_follower\b", "x{30}"]))


def test_what_the_admin_says_of_ours(db, run_jobs):
    network = make_network()
    root = UserFactory(username="root", is_staff=True, is_superuser=True)
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(root)
    network["bob"].follow(network["ada"])
    run_jobs()
    RefusedAddress.objects.create(address="x@b.org", answer="550")
    Report.objects.create(post=network["other"], reporter=network["bob"], reason="spam")
    moderate(root, "hide", Post.objects.filter(pk=network["own"].pk), "理由")
    rows = [model.objects.first() for model in (Follow, ModerationAction, Delivery, RefusedAddress, Job)]
    rows += [Post.objects.get(pk=network["own"].pk), ReportedPost.objects.get(pk=network["other"].pk)]
    lists = ["/admin/accounts/user/", "/admin/accounts/job/?state=all"]
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        lists += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])]

    found = {text for english in walk(client, lists).values() for text in english}
    assert {text for text in found - ADMIN_IN_ENGLISH if not CODE.search(text)} == set()
