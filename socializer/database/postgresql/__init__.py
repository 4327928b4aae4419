"""Django's PostgreSQL backend with connections that observe the request's deadline."""
