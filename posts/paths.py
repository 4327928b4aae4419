"""Where a reply stands in its conversation.

The path of a reply holds the ids of the replies above it and its own, from the top down, each as BYTES bytes. Sorted by path,
a conversation is in the order in which it is read: each post is followed by its replies, oldest first. The first post of a
conversation isn't part of the paths, and has none.

Replies deeper than MAX_DEPTH become siblings of the last one that fits, so a path has at most MAX_LENGTH bytes.
"""

MAX_DEPTH = 50
# Ids fit into 53 bits: see posts.ids.
BYTES = 7
MAX_LENGTH = MAX_DEPTH * BYTES


def path_below(parent_path, post_id):
    """Return the path of the post with that id, which replies to a post with the path `parent_path`, or b"" for the first."""
    return parent_path[: MAX_LENGTH - BYTES] + post_id.to_bytes(BYTES)


def ids_in(path):
    """Return a list of the ids in a path, from the top down. The last one is the reply's own."""
    return [int.from_bytes(path[start : start + BYTES]) for start in range(0, len(path), BYTES)]


def depth_of(path):
    """Return 0 for the first post of a conversation, 1 for a reply to it, and so on, up to MAX_DEPTH."""
    return len(path) // BYTES


def end_of(path):
    """Return the lowest path above all paths that begin with `path`."""
    # Ids have 53 bits, so the first byte of each has room.
    if not path:
        return b"\xff"
    return path[:-BYTES] + (int.from_bytes(path[-BYTES:]) + 1).to_bytes(BYTES)
