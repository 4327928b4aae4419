"""The page of a post: what it replies to above it, and the replies below it as a tree, page by page."""

import re

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Mute
from accounts.tests.factories import UserFactory
from posts.conversations.threads import PathCursor, Thread, decode_path, encode_path, page_query
from posts.models import Post
from posts.paths import MAX_DEPTH
from posts.tests.factories import PostFactory
from posts.tests.reading import own_queries_of, queries_of

pytestmark = pytest.mark.django_db

UNAVAILABLE = "unavailable"
LINES = re.compile(r'<p class="unavailable">|<article class="post" id="post-(\d+)"')


def lines_of(response, start='id="replies"'):
    """Return the ids of the posts on a page below the mark `start`, in order, and UNAVAILABLE for a post that isn't available."""
    html = response.content.decode().partition(start)[2].partition('class="more-posts"')[0]
    return [int(match[1]) if match[1] else UNAVAILABLE for match in LINES.finditer(html)]


def replies_to(client, post, **query):
    return lines_of(client.get(post.get_absolute_url(), query))


def all_pages(client, post):
    """Return the lines of each page, from the first to the last."""
    pages, url = [], post.get_absolute_url()
    while url:
        response = client.get(url)
        pages.append(lines_of(response))
        link = re.search(r'<a rel="next" href="([^"#]*)', response.content.decode())
        url = link and post.get_absolute_url() + link[1]
    return pages


def chain(post, length):
    """Return a list of posts, each a reply to the one before. The first replies to `post`."""
    posts = [post]
    for _ in range(length):
        posts.append(PostFactory(in_reply_to=posts[-1]))
    return posts[1:]


@pytest.fixture
def tree():
    """A conversation: a first post, replies a and b, a1 and a2 below a, and a11 below a1."""
    names = {"first": PostFactory()}
    for name, above in (("a", "first"), ("b", "first"), ("a1", "a"), ("b1", "b"), ("a2", "a"), ("a11", "a1")):
        names[name] = PostFactory(in_reply_to=names[above], content=f"This is {name}")
    return names


def keys(tree, *names):
    return [tree[name].pk if name in tree else UNAVAILABLE for name in names]


def test_replies_are_below_what_they_reply_to_oldest_first(client, tree):
    assert replies_to(client, tree["first"]) == keys(tree, "a", "a1", "a11", "a2", "b", "b1")
    assert replies_to(client, tree["a"]) == keys(tree, "a1", "a11", "a2")
    assert replies_to(client, tree["a11"]) == []


def test_above_a_post_is_what_it_replies_to(client, tree):
    assert lines_of(client.get(tree["a11"].get_absolute_url()), "<h1") == keys(
        tree, "first", "a", "a1", "a11"
    )


def test_every_reply_says_to_whom_it_replies(client, tree):
    html = client.get(tree["a"].get_absolute_url()).content.decode()
    for name, above in (("a", "first"), ("a1", "a"), ("a2", "a"), ("a11", "a1")):
        card = html.partition(f'id="post-{tree[name].pk}"')[2].partition("</article>")[0]
        assert f'<a href="/posts/{tree[above].pk}/">@{tree[above].author.username}</a>' in card


@pytest.mark.parametrize("how", ["deleted", "hidden", "suspended", "blocked", "left"])
def test_a_thread_stays_readable_without_a_post_and_shows_nothing_of_it(how, member, member_client, tree):
    gone = tree["a1"]
    {
        "deleted": lambda: Post.objects.get(pk=gone.pk).delete(),
        "hidden": gone.hide,
        "suspended": gone.author.suspend,
        "blocked": lambda: gone.author.block(member),
        "left": gone.author.leave,
    }[how]()
    for page, below, above in (
        ("first", ("a", "", "a11", "a2", "b", "b1"), ("first",)),
        ("a", ("", "a11", "a2"), ("first", "a")),
        ("a11", (), ("first", "a", "", "a11")),
    ):
        response = member_client.get(tree[page].get_absolute_url())
        assert lines_of(response) == keys(tree, *below)
        assert lines_of(response, "<h1")[: len(above)] == keys(tree, *above)
        html = response.content.decode()
        assert "This is a1<" not in html
        # A deleted post was by somebody who may still be named.
        assert (f"@{gone.author.username}" in html) == (how in ("deleted", "hidden"))
    assert replies_to(member_client, tree["b"]) == keys(tree, "b1")


def test_a_missing_post_without_visible_replies_has_no_line(client, tree):
    tree["a11"].hide()
    tree["a2"].hide()
    assert replies_to(client, tree["first"]) == keys(tree, "a", "a1", "b", "b1")


def test_a_thread_whose_first_post_is_gone_is_readable(client, tree):
    Post.objects.get(pk=tree["first"].pk).delete()
    response = client.get(tree["a1"].get_absolute_url())
    assert lines_of(response, "<h1") == keys(tree, "", "a", "a1", "a11")


def test_pages_are_full_and_have_every_reply_once(client):
    first = PostFactory()
    for _ in range(3):
        for reply in chain(first, 4):
            PostFactory.create_batch(4, in_reply_to=reply)
    for post in list(Post.objects.filter(thread=first.pk))[::4]:
        post.hide()
    visible = list(
        Post.objects.visible().filter(thread=first.pk).order_by("path").values_list("pk", flat=True)
    )
    pages = all_pages(client, first)
    shown = [[line for line in page if line != UNAVAILABLE] for page in pages]
    assert sum(shown, []) == visible
    assert {len(page) for page in shown[:-1]} == {20}
    # Across pages, a line for a missing post appears once, too.
    whole = Thread(first, UserFactory()).page(PathCursor(), 1000)
    assert sum(pages, []) == [entry.post.pk if entry.post else UNAVAILABLE for entry in whole.entries]


def test_earlier_pages_equal_later_ones(client):
    first = PostFactory()
    for number, reply in enumerate(PostFactory.create_batch(15, in_reply_to=first)):
        PostFactory.create_batch(2, in_reply_to=reply)
        if number % 2:
            reply.hide()
    pages = all_pages(client, first)
    start = client.get(first.get_absolute_url()).content.decode()
    after = re.search(r'rel="next" href="\?after=([\w-]+)', start)[1]
    second = client.get(first.get_absolute_url(), {"after": after})
    before = re.search(r'rel="prev" href="\?before=([\w-]+)', second.content.decode())[1]
    assert replies_to(client, first, before=before) == pages[0]


def test_a_deleted_reply_never_breaks_a_cursor(client):
    first = PostFactory()
    replies = PostFactory.create_batch(25, in_reply_to=first)
    cursor = encode_path(bytes(replies[19].path))
    Post.objects.get(pk=replies[19].pk).delete()
    assert replies_to(client, first, after=cursor) == [reply.pk for reply in replies[20:]]


@pytest.mark.parametrize("cursor", ["x", "é", "AAAA", "A" * 1000, "====", "AAAAAAAAAA ", "%00"])
def test_nonsense_is_a_404(client, cursor):
    post = PostFactory()
    for name in ("after", "before"):
        assert client.get(post.get_absolute_url(), {name: cursor}).status_code == 404


def test_a_cursor_of_another_thread_is_a_404(client, tree):
    cursor = encode_path(bytes(tree["b1"].path))
    assert client.get(tree["a"].get_absolute_url(), {"after": cursor}).status_code == 404


def test_beyond_the_end_the_page_says_so(client, tree):
    response = client.get(tree["b"].get_absolute_url(), {"after": encode_path(bytes(tree["b1"].path))})
    assert "Go to the first replies" in response.content.decode()


def test_paths_survive_the_url():
    assert decode_path(encode_path(bytes(range(70)))) == bytes(range(70))


def test_below_the_last_level_a_page_has_the_direct_replies(client):
    first = PostFactory()
    posts = chain(first, MAX_DEPTH + 2)
    last, sibling, deeper = posts[-3:]
    other = PostFactory(in_reply_to=last)
    assert replies_to(client, last) == [sibling.pk, other.pk]
    assert replies_to(client, sibling) == [deeper.pk]
    above = [first.pk, *(post.pk for post in posts[: MAX_DEPTH - 1])]
    response = client.get(deeper.get_absolute_url())
    assert lines_of(response, "<h1") == [*above, sibling.pk, deeper.pk]
    # The sibling replies to a post that isn't on the page.
    assert f'<a href="/posts/{last.pk}/">@{last.author.username}</a>' in response.content.decode()
    assert replies_to(client, posts[-4])[-1] == other.pk


def test_indentation_ends_at_three_levels(client):
    first = PostFactory()
    chain(first, 5)
    html = client.get(first.get_absolute_url()).content.decode()
    assert re.findall(r'class="reply reply-(\d)"', html) == ["1", "2", "3", "3", "3"]


def test_replies_by_muted_people_are_folded(member, member_client, client, tree):
    Mute.objects.create(muter=member, muted=tree["a1"].author)
    html = member_client.get(tree["first"].get_absolute_url()).content.decode()
    folded = html.partition('<details class="muted-post">')[2].partition("</details></div>")[0]
    assert f'id="post-{tree["a1"].pk}"' in folded
    assert html.count("muted-post") == 1
    assert (
        '<details class="muted-post">' in member_client.get(tree["a11"].get_absolute_url()).content.decode()
    )
    assert "muted-post" not in client.get(tree["first"].get_absolute_url()).content.decode()


def test_more_replies_are_loaded_in_place(client):
    first = PostFactory()
    PostFactory.create_batch(45, in_reply_to=first)
    start = client.get(first.get_absolute_url()).content.decode()
    url = first.get_absolute_url() + re.search(r'data-hx-get="([^"]*)"', start)[1]
    more = client.get(url, headers={"hx-request": "true"}).content.decode()
    assert more.count("<article") == 20
    assert "<h1" not in more
    assert 'rel="prev"' not in more


def test_each_post_is_on_the_page_once(client):
    """The first post of a conversation is above a reply of its author, and isn't one of their other posts, too."""
    first, *older = PostFactory.create_batch(5, author=UserFactory())[::-1]
    reply = PostFactory(author=first.author, in_reply_to=first)
    html = client.get(reply.get_absolute_url()).content.decode()
    assert html.count(f'id="post-{first.pk}"') == 1
    assert [f'id="post-{post.pk}"' in html for post in older] == [True, True, True, False]


def test_a_chain_longer_than_paths_is_read_page_by_page(client):
    first = PostFactory()
    posts = chain(first, MAX_DEPTH + 60)
    shown = [line for page in all_pages(client, first) for line in page]
    assert shown == [post.pk for post in posts]
    # Each level below the last one has its own page, which doesn't show its siblings.
    assert [replies_to(client, post) for post in posts[-3:-1]] == [[post.pk] for post in posts[-2:]]


def test_pages_below_the_last_level_have_cursors(client):
    posts = chain(PostFactory(), MAX_DEPTH + 1)
    for deepest in posts[-2:]:
        replies = [reply.pk for reply in PostFactory.create_batch(45, in_reply_to=deepest)]
        expected = replies if deepest == posts[-1] else [posts[-1].pk, *replies]
        assert sum(all_pages(client, deepest), []) == expected
        before = encode_path(bytes(Post.objects.get(pk=expected[30]).path))
        assert replies_to(client, deepest, before=before) == expected[10:30]


@pytest.mark.parametrize("deepest", [False, True])
def test_no_reply_is_read_besides_those_of_the_page(member, deepest):
    """Not even for a post at the last level, whose siblings' paths are as long as those of its replies."""
    posts = chain(PostFactory(), MAX_DEPTH)
    thread = Thread(posts[-1] if deepest else posts[0], member)
    index = "post_replies" if deepest else "post_thread"
    for backwards in (False, True) if connection.vendor == "sqlite" else ():
        query = page_query(21, as_member=True, is_deepest=deepest, backwards=backwards)
        plan = query.build(viewer=member.pk, **thread._bounds()).explain()
        assert f"SEARCH posts_post USING INDEX {index} (" in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("as_member", [True, False])
def test_the_queries_dont_depend_on_the_rows(member, as_member, tree):
    client = Client()
    if as_member:
        client.force_login(member)
    deepest = chain(tree["b1"], MAX_DEPTH + 3)[-1]
    for reply in chain(tree["a"], 10):
        PostFactory.create_batch(3, in_reply_to=reply)
        PostFactory(in_reply_to=reply).author.leave()
    PostFactory.create_batch(4, author=tree["a1"].author)
    middle = Post.objects.filter(thread=tree["first"].pk).order_by("path")[25]
    middle.hide()
    Post.objects.get(pk=tree["b"].pk).delete()
    after = encode_path(bytes(middle.path))
    for path in (
        f"/posts/{tree['first'].pk}/?after={after}",
        f"/posts/{tree['first'].pk}/",
        f"/posts/{tree['a1'].pk}/",
        f"/posts/{deepest.pk}/",
    ):
        assert client.get(path).status_code == 200
        # The post, its replies, and the posts above with the author's others; what the member did with them.
        if as_member:
            assert own_queries_of(client, path) == 4
        else:
            assert queries_of(lambda path=path: client.get(path)) == 3
