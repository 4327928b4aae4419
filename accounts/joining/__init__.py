"""Who can join: invitations, applications, and what people see while they wait for approval.

`admission` decides about a sign-up, `decisions` about an application, and `access` limits what people who wait can open.
"""
