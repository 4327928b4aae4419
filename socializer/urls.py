from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from socializer import sitemaps, views
from socializer.style import StyleView

urlpatterns = [
    path("", include("posts.urls")),
    path("", include("accounts.urls")),
    path("users/", include("accounts.allauth_urls")),
    path("admin/", admin.site.urls),
    path("about/", views.page("about"), name="about"),
    path("help/", views.page("help"), name="help"),
    path("rules/", views.RulesView.as_view(), name="rules"),
    path("privacy/", views.page("privacy"), name="privacy"),
    # A CSRF token would need a cookie for every visitor on every page, and would only protect the choice of language.
    path("language/", csrf_exempt(views.open_to_all(set_language)), name="language"),
    path("robots.txt", views.robots),
    path("favicon.ico", views.favicon),
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("sitemap.xml", sitemaps.index, name="sitemap"),
    path("sitemap-<slug:section>-<int:number>.xml", sitemaps.part, name="sitemap-part"),
    path("style/", StyleView.as_view()),
    path("livez/", views.livez),
    path("healthz/", views.open_to_all(views.HealthView.as_view())),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler429 = views.too_many_requests  # allauth also uses this name.
handler500 = views.server_error

if settings.DEBUG:
    from socializer import mails

    urlpatterns += [
        path("dev/mails/", mails.mails, name="mails"),
        path("dev/mails/<slug:name>/<slug:form>/", mails.mail, name="mail"),
    ]

if "debug_toolbar" in settings.INSTALLED_APPS:
    from debug_toolbar.toolbar import debug_toolbar_urls

    urlpatterns += debug_toolbar_urls()
