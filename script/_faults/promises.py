"""Checks whether a database has everything that the site has acknowledged."""

from collections import Counter

REPORTS = (
    "SELECT u.username, p.content FROM accounts_report r JOIN accounts_user u ON u.id = r.reporter_id "
    "JOIN posts_post p ON p.id = r.subject_id"
)
LIKES = (
    "SELECT u.username, p.content FROM posts_like l JOIN accounts_user u ON u.id = l.member_id "
    "JOIN posts_post p ON p.id = l.post_id"
)
REPLIES = (
    "SELECT p.content, u.username FROM posts_post p JOIN accounts_user u ON u.id = p.in_reply_to_author_id"
)
MENTIONS = (
    "SELECT p.content, u.username FROM posts_mention m JOIN posts_post p ON p.id = m.post_id "
    "JOIN accounts_user u ON u.id = m.person_id"
)


class State:
    """The crowd's writes that are in the database."""

    def __init__(self, engine, copy=False):
        def rows(query):
            return engine.rows(query, copy=copy)

        self.users = {
            name: {"display_name": display_name, "bio": bio, "picture": bool(picture) or None}
            for name, display_name, bio, picture in rows(
                "SELECT username, display_name, bio, picture FROM accounts_user"
            )
        }
        contents = [content for (content,) in rows("SELECT content FROM posts_post")]
        self.posts = {content.split()[0]: content for content in contents}
        self.posted_twice = [
            token for token, times in Counter(c.split()[0] for c in contents).items() if times > 1
        ]
        self.pairs = {
            "follow": set(rows(pairs_in("accounts_follow", "follower", "followed"))),
            "block": set(rows(pairs_in("accounts_block", "blocker", "blocked"))),
            "report": {(name, content.split()[0]) for name, content in rows(REPORTS)},
            "reply": {(content.split()[0], name) for content, name in rows(REPLIES)},
            "mention": {(content.split()[0], name) for content, name in rows(MENTIONS)},
            "like": {(name, content.split()[0]) for name, content in rows(LIKES)},
        }

    def value(self, key):
        """Return the value for a key of the ledger, or None."""
        kind, name, *rest = key
        if kind == "account":
            return True if name in self.users else None
        if kind == "post":
            return self.posts.get(name)
        if kind in self.pairs:
            return True if (name, *rest) in self.pairs[kind] else None
        return self.users.get(name, {}).get(kind) or None


def pairs_in(table, one, other):
    return (
        f"SELECT a.username, b.username FROM {table} t JOIN accounts_user a ON a.id = t.{one}_id "  # noqa: S608
        f"JOIN accounts_user b ON b.id = t.{other}_id"
    )


class Promises:
    """Compares a State with what the ledger allows between `since` and `until`."""

    KINDS = (
        *("account", "post", "reply", "mention", "like", "follow", "block", "report"),
        *("display_name", "bio", "picture"),
    )

    def __init__(self, ledger, since=None, until=None):
        self.ledger, self.since, self.until = ledger, since, until

    def allowed(self, *key):
        return self.ledger.allowed(key, self.since, self.until)

    def broken(self, state):
        """Return a sentence for each acknowledged write that is missing."""
        found = []
        for kind in self.KINDS:
            for key in self.ledger.keys(kind):
                if self.is_certain(key) and state.value(key) not in (allowed := self.allowed(*key)):
                    found.append(f"{key} is {state.value(key)!r}, not {' or '.join(map(repr, allowed))}")
        return found

    def is_certain(self, key):
        """Return whether nothing else, such as a deleted account, can explain a different value."""
        kind, name, *others = key
        if kind == "account":
            return True
        if kind == "post":
            return self.account_exists(author_of(name))
        if kind in ("report", "like"):
            return self.account_exists(name) and self.post_exists(others[0])
        if kind in ("reply", "mention"):
            return self.post_exists(name) and self.account_exists(others[0])
        if kind == "follow":
            blocks = {("block", name, others[0]), ("block", others[0], name)} & set(self.ledger.keys("block"))
            return not blocks and self.account_exists(name) and self.account_exists(others[0])
        return all(self.account_exists(one) for one in (name, *others))

    def account_exists(self, username):
        """Return whether this member's account must exist."""
        return None not in self.allowed("account", username)

    def post_exists(self, token):
        """Return whether this post must exist."""
        return None not in self.allowed("post", token) and self.account_exists(author_of(token))


def author_of(token):
    return token.split("-")[1]
