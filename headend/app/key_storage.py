"""Which key meters' keys are sealed by: for all that wire a store, light enough for any process."""

from __future__ import annotations

from headend.config import BadConfig, Config
from headend.store.envelope import BadEnvelope, Envelope


def envelope_of(config: Config) -> Envelope | None:
    """What meters' keys are sealed by, from the configured file or the environment.

    Raises `BadConfig`.
    """
    path = config.keys.envelope_file
    try:
        return Envelope.from_environment() if path is None else Envelope.from_file(path)
    except BadEnvelope as error:
        raise BadConfig(str(error)) from None
