"""The device's side of an update: a machine that only decides, and edges that only carry.

Read `vocabulary` (what can be heard and asked), `window` (which chunk next), `machine` (the table of an
update), `connection` (the table of what lies under it), `core` (both together); then `disk` and `driver`.
"""
