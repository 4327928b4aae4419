"""How gunicorn serves the site. script/server checks these variables and names this file."""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", 1))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", 8))
loglevel = "warning"
# What a proxy says is Django's to judge, by TRUSTED_PROXIES.
forwarded_allow_ips = ""
