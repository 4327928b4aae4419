from django.urls import register_converter


class UsernameConverter:
    """A username in an address, in any case. Other names are no pages at all."""

    regex = "[A-Za-z0-9_]{1,40}"

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value


# Where this module is imported, addresses may say <username:...>.
register_converter(UsernameConverter, "username")
