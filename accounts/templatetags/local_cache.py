"""Parts of pages that are the same for many people, rendered once per process.

    {% local_cache home_url=home_url current=request.resolver_match.view_name %}
      <a href="{{ home_url }}"{% if current == "posts:home" %} aria-current="page"{% endif %}>{% translate "Home" %}</a>
      {% placeholder %}<a href="{{ user.get_absolute_url }}">{{ user.username }}</a>{% endplaceholder %}
    {% endlocal_cache %}

The content between the tags is cached for each language and each combination of the values named in the first tag. It has no
access to other variables, so nothing personal can get into it by mistake: a variable such as `user` is an error there. A
`{% placeholder %}` is rendered for each page, with all its variables.

A block may be inside. If a template that extends this one overrides it, the content is cached for that block, too. A
`{% local_cache %}` inside another one belongs to it, and takes the values that the outer one has under the same names.
"""

from django import template
from django.conf import settings
from django.template.base import token_kwargs
from django.template.loader_tags import BLOCK_CONTEXT_KEY, BlockNode
from django.urls import get_script_prefix
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

from accounts.common.local_cache import LocalCache

register = template.Library()

# Marks the position of a placeholder. Our texts never contain this character.
MARK = "\x01"
# The context variable that contains the list of placeholders.
PLACEHOLDERS = "local_cache placeholders"

parts = LocalCache(1_000)


class LocalCacheNode(template.Node):
    def __init__(self, nodelist, vary):
        self.nodelist, self.vary = nodelist, vary
        dynamic = {
            block
            for placeholder in nodelist.get_nodes_by_type(PlaceholderNode)
            for block in placeholder.nodelist.get_nodes_by_type(BlockNode)
        }
        blocks = [block for block in nodelist.get_nodes_by_type(BlockNode) if block not in dynamic]
        self.block_names = [block.name for block in blocks]

    def render(self, context):
        if PLACEHOLDERS in context:
            return self.render_inside(context)
        values = {name: value.resolve(context) for name, value in self.vary.items()}
        key = (self, get_language(), get_script_prefix(), *values.values(), *self.blocks_in(context))
        first, rest = parts.get(key) or self.render_parts(key, context, values)
        parts_of_page = [first, *[each for node, html in rest for each in (node.render(context), html)]]
        return mark_safe("".join(parts_of_page))  # noqa: S308 (templates have rendered it)

    def render_inside(self, context):
        """Return the HTML as a part of the cached part that `context` belongs to."""
        values = {
            name: context[name] if name in context else value.resolve(context)
            for name, value in self.vary.items()
        }
        with context.push(**values):
            return self.nodelist.render(context)

    def blocks_in(self, context):
        """Return a list of the nodes that fill the blocks on this page, in order."""
        blocks = context.render_context.get(BLOCK_CONTEXT_KEY)
        return [blocks and blocks.get_block(name) for name in self.block_names]

    def render_parts(self, key, context, values):
        """Return the HTML before the first placeholder, and each placeholder with the HTML that follows it."""
        placeholders = []
        html = self.nodelist.render(context.new(UNAVAILABLE | values | {PLACEHOLDERS: placeholders}))
        first, *rest = html.split(MARK)
        found = first, list(zip(placeholders, rest, strict=True))
        return found if settings.DEBUG else parts.keep(key, found)


class Unavailable:
    """Stands for a variable that differs from request to request. Using it raises TemplateSyntaxError."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        # Templates can't use these names. Debuggers look for some of them.
        if name.startswith("_"):
            raise AttributeError(name)
        self._refuse()

    def _refuse(self, *args):
        name = self._name
        raise template.TemplateSyntaxError(
            f"{name} isn't available in a part of the page that is cached for everybody. Put it in a "
            "{% placeholder %}, or give local_cache its value."
        )

    __bool__ = __getitem__ = __iter__ = __str__ = _refuse


UNAVAILABLE = {name: Unavailable(name) for name in ("csrf_token", "messages", "perms", "request", "user")}


class PlaceholderNode(template.Node):
    def __init__(self, nodelist):
        self.nodelist = nodelist

    def render(self, context):
        placeholders = context.get(PLACEHOLDERS)
        if placeholders is None:
            return self.nodelist.render(context)
        placeholders.append(self)
        return MARK


@register.tag
def local_cache(parser, token):
    _name, *bits = token.split_contents()
    vary = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(f"local_cache takes name=value, not {bits[0]!r}.")
    nodelist = parser.parse(["endlocal_cache"])
    parser.delete_first_token()
    return LocalCacheNode(nodelist, vary)


@register.tag
def placeholder(parser, token):
    nodelist = parser.parse(["endplaceholder"])
    parser.delete_first_token()
    return PlaceholderNode(nodelist)
