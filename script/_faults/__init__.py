"""The trial of script/soak-faults: a site under load whose surroundings fail on purpose, and a judge.

`processes` and `services` start what the trial needs, `engines` knows both databases, `site` is the site under trial,
`crowd` its members with the `ledger` of what they were promised, `catalogue` the faults, `growth` what must stay flat,
`trial` puts them together and `judge` reads the result.
"""
