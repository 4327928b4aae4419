"""The admin site class, and the search for admins with a login page of their own."""

from types import ModuleType
from unittest import mock

import pytest
from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group
from django.http import Http404, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.cache import never_cache

from accounts import admin_site
from accounts.admin_site import SecureAdminSite, admins_without_mfa, unguarded_admins
from accounts.tests.factories import UserFactory


def test_the_admin_of_another_app_is_protected_too(rf, db):
    """Every ModelAdmin that is registered with the site is protected."""
    site = SecureAdminSite(name="elsewhere")

    def view(request, number):
        return HttpResponse(Group.objects.filter(pk__in=[int(number)]).count())

    request = rf.get("/", {"x": "1"})
    request.user = UserFactory(is_staff=True, is_superuser=True)
    request.resolver_match = mock.Mock(url_name="numbers")
    for number in ("x", "1.5", ""):
        with pytest.raises(Http404):
            site.admin_view(view)(request, number=number)
    assert site.admin_view(view)(request, number="1").status_code == 200


def test_the_admin_has_the_name_of_the_site():
    site = SecureAdminSite()
    assert site.site_header == site.site_title == settings.SITE_NAME


@pytest.fixture
def find(settings):
    """Return a function that returns the unguarded admins among some URL patterns."""

    def find(*patterns):
        settings.ROOT_URLCONF = ModuleType("urls")
        settings.ROOT_URLCONF.urlpatterns = list(patterns)
        return unguarded_admins()

    return find


def wrapped_site(name="admin"):
    site = AdminSite(name)
    site.login = secure_admin_login(site.login)
    return site


def test_our_own_admin_is_guarded():
    assert unguarded_admins() == []


def test_a_project_without_an_admin_has_no_unguarded_one(find):
    assert find() == find(path("", lambda request: None), path("x/", include([]))) == []


def test_a_project_without_urls_has_no_unguarded_admin(settings):
    settings.ROOT_URLCONF = None
    assert unguarded_admins() == []


def test_the_stock_admin_is_unguarded(find):
    assert find(path("admin/", AdminSite().urls)) == ["/admin/"]


def test_a_guarded_admin_is_not_found(find):
    class OurSite(SecureAdminSite):
        pass

    assert find(path("admin/", SecureAdminSite().urls), path("ours/", OurSite("ours").urls)) == []


def test_an_admin_with_a_wrapped_login_is_guarded(find):
    wrapped_twice = wrapped_site("other")
    wrapped_twice.login = never_cache(wrapped_twice.login)

    assert find(path("admin/", wrapped_site().urls), path("other/", wrapped_twice.urls)) == []


def test_another_decorator_does_not_guard(find):
    site = AdminSite()
    site.login = never_cache(site.login)

    assert find(path("admin/", site.urls)) == ["/admin/"]


def test_admins_are_found_below_includes_and_next_to_a_guarded_one(find):
    second = include([path("second/", AdminSite("second").urls)])
    third = include(
        [re_path("^third/", AdminSite("third").urls), path("fourth/", wrapped_site("fourth").urls)]
    )

    assert find(
        path("admin/", SecureAdminSite().urls), path("staff/", second), path("<slug:team>/", third)
    ) == ["/staff/second/", "/<slug:team>/third/"]


def test_pages_of_the_project_next_to_its_admin_are_ignored(find):
    """Only the admin's own patterns count, and a project may name a page "login", too."""
    assert find(path("login/", AdminSite().login, name="login")) == []


def test_two_step_login_can_be_required_only_by_our_site_and_with_allauth_mfa(find, monkeypatch):
    find(path("admin/", SecureAdminSite().urls), path("other/", wrapped_site("other").urls))
    assert admins_without_mfa() == ["/other/"]
    monkeypatch.setattr(admin_site, "HAS_MFA", False)
    assert admins_without_mfa() == ["/admin/", "/other/"]
    find(path("admin/", AdminSite().urls))
    assert admins_without_mfa() == []  # It is unguarded, which is another message.
