"""What went wrong with a meter, as a value: what happened, why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from headend.domain.reason import REASONS, ReasonCode


@dataclass(frozen=True, slots=True)
class Failure:
    """`why` and `next_step` are sentences without a full stop, empty where there is nothing to say.

    `acted`: something that can act was sent before; whether it had an effect has to be read back.
    """

    reason: ReasonCode
    why: str = ""
    next_step: str = ""
    acted: bool = False

    def __str__(self) -> str:
        text = REASONS[self.reason].text
        if self.why:
            text += f": {self.why}"
        if self.acted:
            text += "; a command was sent, its effect is not known"
        return f"{text}. Try: {self.next_step}" if self.next_step else text
