"""Keeps the catalogues in socializer/locale true. For developers, by script/translate and the tests.

Needs polib and no gettext tools. Django's `makemessages` would not do: it drops the words of libraries, and one file per
language holds those as well.
"""
