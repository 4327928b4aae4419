from django import template

from accounts.security.devices import describe_browser

register = template.Library()

register.filter("browser_name", describe_browser)
