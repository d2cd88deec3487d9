"""Backups: what one consists of, how it is closed, where it lies, and how long it is kept.

It knows no database and no clock: `headend/app/backup.py` joins it with the store.
"""
