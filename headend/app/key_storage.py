"""Which key meters' keys are sealed by: for all that wire a store, light enough for any process."""

from __future__ import annotations

from headend.config import BadConfig, Config
from headend.ports import Clock
from headend.store.envelope import BadEnvelope, Envelope
from headend.store.key_journal import KeyJournal


def envelope_of(config: Config) -> Envelope | None:
    """What meters' keys are sealed by, from the configured file or the environment.

    Raises `BadConfig`.
    """
    path = config.keys.envelope_file
    try:
        return Envelope.from_environment() if path is None else Envelope.from_file(path)
    except BadEnvelope as error:
        raise BadConfig(str(error)) from None


def journal_of(config: Config, clock: Clock) -> KeyJournal | None:
    """Where changes of keys are written beside the backups; None where no place is configured."""
    policy = config.backup
    if policy.place is None or not policy.key_journal:
        return None
    return KeyJournal(policy.place, clock)
