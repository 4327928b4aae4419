from django.urls import register_converter


class UsernameConverter:
    """A username in a path, in any case. Paths with other names are not found."""

    regex = "[A-Za-z0-9_]{1,40}"

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value


# Importing this module makes <username:...> available in paths.
register_converter(UsernameConverter, "username")
