"""The trial of script/soak-faults: a site under load while its environment fails on purpose, and a judge.

`processes` and `services` start what the trial needs. `engines` has the two databases, and `site` has the site under trial.
`crowd` has its members, and `ledger` records the writes that the site has acknowledged. `catalogue` has the faults, and
`growth` measures quantities that must not grow. `trial` runs everything, and `judge` evaluates the result.
"""
