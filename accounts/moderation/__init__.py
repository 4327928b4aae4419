"""Reports, the moderation queue and the record of moderators' actions.

An app makes something reportable by registering a ReportSubject for it: see `subjects`. `actions` has what moderators can do.
"""
