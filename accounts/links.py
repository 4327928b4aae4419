from django.conf import settings


def absolute(path):
    """The address of `path` for readers outside the site, such as of a mail or a feed."""
    return settings.SITE_URL + path
