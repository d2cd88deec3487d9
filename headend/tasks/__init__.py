"""Scheduled tasks, the utility's Associations Manager: when they fall due, who runs them, what the
four of the unbalance system do.

Kinds of task are plug-ins (`kinds`); `schedule` says when, `running` runs them one at a time,
`desk` is where they are made and changed.
"""
