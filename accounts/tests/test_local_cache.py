"""What is kept of a page is the same for everyone: nothing about one member can get into it."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Engine, TemplateSyntaxError, engines
from django.test import Client
from django.utils import translation

from accounts.common.local_cache import LocalCache
from accounts.templatetags import local_cache
from accounts.tests.factories import UserFactory


def render(source, **context):
    return engines["django"].from_string("{% load i18n local_cache %}" + source).render(context)


@pytest.fixture
def template():
    """Return a function that renders the same template each time."""

    def compile_template(source):
        return engines["django"].from_string("{% load i18n local_cache %}" + source).render

    return compile_template


def test_the_part_is_rendered_once_and_placeholders_each_time(template):
    calls = []
    page = template(
        "{% local_cache count=2 %}{% if count == 2 %}[{{ count }}]{% endif %}"
        "{% placeholder %}{{ call }}{% endplaceholder %}({% placeholder %}{{ name }}{% endplaceholder %})"
        "{% endlocal_cache %}"
    )
    for name in ("ada", "bob"):
        assert page({"call": lambda: calls.append(1) or "x", "name": name}) == f"[2]x({name})"
    assert len(calls) == 2
    assert len(local_cache.parts) == 1


def test_the_part_sees_no_variables_but_those_that_it_depends_on(template):
    page = template("{% local_cache greeting=greeting %}{{ greeting }}, {{ name }}!{% endlocal_cache %}")
    assert page({"greeting": "Hello", "name": "ada"}) == "Hello, !"
    assert page({"greeting": "Good night", "name": "bob"}) == "Good night, !"


@pytest.mark.parametrize(
    "source",
    [
        "{{ user }}", "{{ user.username }}", "{% if user.is_authenticated %}x{% endif %}", "{% if user %}x{% endif %}",
        "{{ request.path }}", "{% for each in messages %}x{% endfor %}",
        "{% csrf_token %}", "{% if perms.posts %}x{% endif %}",
    ],
)  # fmt: skip
def test_what_differs_for_each_request_is_an_error_in_a_part(template, source, rf):
    with pytest.raises(TemplateSyntaxError, match="placeholder"):
        template("{% local_cache %}" + source + "{% endlocal_cache %}")({"user": "ada"})
    template("{% local_cache %}{% placeholder %}" + source + "{% endplaceholder %}{% endlocal_cache %}")({})


def test_each_language_and_each_value_has_its_own_part(template):
    page = template(
        "{% local_cache current=current %}{{ current }} {% translate 'Home' %}{% endlocal_cache %}"
    )
    for _ in range(2):
        for current in ("a", "b"):
            assert page({"current": current}) == f"{current} Home"
            with translation.override("zh-hans"):
                assert page({"current": current}) == f"{current} 首页"
    assert len(local_cache.parts) == 4


def test_values_are_escaped(template):
    page = template(
        "{% local_cache name=name %}{{ name }}{% placeholder %}{{ name }}{% endplaceholder %}{% endlocal_cache %}"
    )
    for _ in range(2):
        assert page({"name": "<b>"}) == "&lt;b&gt;" * 2


def test_a_placeholder_by_itself_is_its_content():
    assert render("{% placeholder %}{{ name }}{% endplaceholder %}", name="ada") == "ada"


def test_loops_and_includes_may_hold_placeholders(template):
    page = template(
        "{% local_cache numbers='12' %}{% for number in numbers %}{{ number }}{% placeholder %}{{ name }}{% endplaceholder %}"
        "{% endfor %}{% endlocal_cache %}"
    )
    for name in ("ada", "bob"):
        assert page({"name": name}) == f"1{name}2{name}"


def test_while_developing_nothing_is_kept(template, settings):
    settings.DEBUG = True
    assert template("{% local_cache %}x{% endlocal_cache %}")({}) == "x"
    assert not local_cache.parts


def test_memory_is_limited():
    cache = LocalCache(2)
    for number in range(3):
        assert cache.keep(number, "value") == "value"
    assert cache == {2: "value"}


PATHS = [
    "/",
    "/explore/",
    "/users/",
    "/users/settings/",
    "/posts/add/",
    "/@grace/",
    "/@kurt/",
    "/about/",
    "/nope/",
]


@pytest.mark.django_db
def test_nothing_personal_is_kept_of_any_page():
    """Two members who differ in everything look at each page, and then the kept parts are searched."""
    people = [
        UserFactory(
            username="grace",
            display_name="Grace Hopper",
            email="grace@example.org",
            bio="COBOL",
            time_zone="Asia/Tokyo",
        ),
        UserFactory(username="kurt", display_name="Kurt Goedel", email="kurt@example.org", is_staff=True),
    ]
    tokens = []
    for person in people:
        client = Client()
        client.force_login(person)
        for path in PATHS:
            page = client.get(path)
            tokens.append(client.cookies["csrftoken"].value if "csrftoken" in client.cookies else "none")
            tokens.append(
                str(page.context["csrf_token"]) if page.context and "csrf_token" in page.context else "none"
            )

    kept = "".join(
        html
        for first, rest in local_cache.parts.values()
        for html in (first, *(html for _node, html in rest))
    )
    assert "Main" in kept
    for secret in {
        "grace",
        "Grace",
        "kurt",
        "Kurt",
        "example.org",
        "COBOL",
        "Tokyo",
        "csrfmiddlewaretoken",
        *tokens,
    } - {"none"}:
        assert secret not in kept
    for person in people:
        assert f'"{person.pk}"' not in kept


@pytest.mark.django_db
def test_the_second_member_gets_their_own_page_from_the_kept_parts():
    pages = []
    for name in ("grace", "kurt", "grace"):
        client = Client()
        client.force_login(
            UserFactory._meta.model.objects.filter(username=name).first() or UserFactory(username=name)
        )
        pages.append(client.get("/explore/").content.decode())
        other = "kurt" if name == "grace" else "grace"
        assert f'href="/@{name}/"' in pages[-1]
        assert other not in pages[-1]


@pytest.mark.django_db
def test_a_visitor_after_a_member_sees_nothing_of_members(member_client):
    member_client.get("/explore/")
    page = Client().get("/explore/").content.decode()
    assert "/users/login/" in page
    assert "/users/logout/" not in page
    assert 'name="viewer" content=""' in page
    assert "data-compose" not in page


def test_the_navigation_ignores_a_variable_of_the_page(rf):
    """A page of another project may have such a variable, and a list can't be part of a key."""
    request = rf.get("/")
    request.user = AnonymousUser()
    page = engines["django"].from_string("{% extends 'accounts/base.html' %}")
    assert "site-nav" in page.render({"links": ["https://example.org/"]}, request)


def test_a_part_inside_another_one_takes_its_values_from_that(template):
    inner = "{% local_cache name=user.username sign='!' %}{{ name }}{{ sign }}{% endlocal_cache %}"
    page = template(
        "{% local_cache name=name %}["
        + inner
        + "]{% placeholder %}{{ call }}{% endplaceholder %}{% endlocal_cache %}"
    )

    assert [page({"name": name, "call": name.upper()}) for name in ("ada", "bob", "ada")] == [
        "[ada!]ADA", "[bob!]BOB", "[ada!]ADA",
    ]  # fmt: skip
    assert len(local_cache.parts) == 2
    with pytest.raises(TemplateSyntaxError, match="user isn't available"):
        template("{% local_cache %}" + inner + "{% endlocal_cache %}")({})


def test_a_block_that_a_page_overrides_has_a_part_of_its_own():
    sources = {
        "base": "{% load local_cache %}{% local_cache %}<{% block part %}ours{% endblock %}>"
        "{% placeholder %}{% block content %}{% endblock %}{% endplaceholder %}{% endlocal_cache %}",
        "one": "{% extends 'base' %}{% block content %}one{{ n }}{% endblock %}",
        "two": "{% extends 'base' %}{% block content %}two{{ n }}{% endblock %}",
        "other": "{% extends 'base' %}{% block part %}{{ block.super }}, theirs{% endblock %}",
        "third": "{% extends 'other' %}{% load local_cache %}{% block part %}{% placeholder %}{{ n }}{% endplaceholder %}{% endblock %}",
    }
    engine = Engine(loaders=[("django.template.loaders.cached.Loader", [("django.template.loaders.locmem.Loader", sources)])],
        libraries={"local_cache": "accounts.templatetags.local_cache"})  # fmt: skip

    for n in range(3):
        pages = {name: engine.get_template(name).render(Context({"n": n})) for name in sources}
        assert pages == {
            "base": "<ours>", "one": f"<ours>one{n}", "two": f"<ours>two{n}", "other": "<ours, theirs>", "third": f"<{n}>",
        }  # fmt: skip
    # The pages "one" and "two" share theirs. The base by itself has no context of blocks.
    assert len(local_cache.parts) == 4


def test_a_debugger_can_look_at_a_variable_that_is_unavailable():
    """The debug toolbar does, on each page of script/server --dev."""
    variable = local_cache.UNAVAILABLE["user"]
    assert not hasattr(variable, "_wrapped")
    assert "Unavailable" in repr(variable)
    with pytest.raises(TemplateSyntaxError):
        _ = variable.username
