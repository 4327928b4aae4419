from django.conf import settings


def site(request):
    """What every page says about the site as a whole."""
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "contact_email": getattr(settings, "CONTACT_EMAIL", ""),
    }
