"""What a base template offers to the pages that extend it, found without rendering it. For system checks."""

from django.template import TemplateDoesNotExist
from django.template.base import TextNode, VariableNode
from django.template.loader_tags import BlockNode, ExtendsNode, IncludeNode
from django.templatetags.static import StaticNode

from accounts.common.app_settings import app_settings
from accounts.common.url_names import django_engines


def base_template():
    """Return a BaseTemplate for BASE_TEMPLATE. Raises Django's exception if it can't be loaded."""
    return BaseTemplate(django_engines()[0].get_template(app_settings.BASE_TEMPLATE))


class BaseTemplate:
    """The names of the blocks of a template and of those it extends, and the text, files and templates it includes.

    `is_complete` is false if the template that it extends is chosen when a page is rendered. Included templates that are chosen
    then are left out.
    """

    def __init__(self, template):
        self.blocks, self.is_complete = set(), True
        self._parts, self._engine, self._overrides = [], template.engine, {}
        chain = [template]
        while extends := next(iter(chain[-1].nodelist.get_nodes_by_type(ExtendsNode)), None):
            name = extends.parent_name.var
            if not isinstance(name, str):
                self.is_complete = False
                break
            # A template can extend another one with its own name.
            skip = [each.origin for each in chain]
            chain.append(self._engine.find_template(name, skip=skip)[0])
        for each in chain:
            for block in each.nodelist.get_nodes_by_type(BlockNode):
                self._overrides.setdefault(block.name, []).append(block)
        self._read(chain[-1].nodelist)

    def includes(self, *alternatives):
        """Return whether pages have one of these texts, files or templates."""
        return any(each in part for each in alternatives for part in self._parts)

    def _read(self, nodes, included=()):
        for node in nodes:
            if isinstance(node, BlockNode):
                self._read_block(node, included)
            elif isinstance(node, IncludeNode):
                self._read_included(node.template.var, included)
            elif isinstance(node, StaticNode):
                self._parts.append(str(node.path.var))
            elif isinstance(node, TextNode):
                self._parts.append(node.s)
            else:
                for attribute in node.child_nodelists:
                    self._read(getattr(node, attribute, None) or [], included)

    def _read_block(self, node, included):
        # Pages can't fill the blocks of included templates.
        if included:
            self._read(node.nodelist, included)
            return
        self.blocks.add(node.name)
        for version in self._overrides[node.name]:
            self._read(version.nodelist)
            variables = version.nodelist.get_nodes_by_type(VariableNode)
            if not any(str(each.filter_expression.var) == "block.super" for each in variables):
                break

    def _read_included(self, name, included):
        if isinstance(name, str) and name not in included:
            self._parts.append(name)
            try:
                found = self._engine.get_template(name)
            except TemplateDoesNotExist:
                return
            self._read(found.nodelist, (*included, name))
