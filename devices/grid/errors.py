"""What a network can be that has no solution, or no meaning."""

from __future__ import annotations


class BadNetwork(ValueError):
    """A network's description is wrong or holds what is not modelled; the text says where."""

    placed = False
    """Whether the text names file and line already."""

    @classmethod
    def at(cls, where: str, name: str, error: Exception | str) -> BadNetwork:
        """An element's, with the place where it was written."""
        if isinstance(error, BadNetwork) and error.placed:
            return error
        found = cls(f"{where}: {name}: {error}")
        found.placed = True
        return found


class NotConverged(ArithmeticError):
    """The power flow found no solution, as when more is drawn than the network can carry.

    `node` is where the last step still changed most, `mismatch_pu` by how much of the no-load
    voltage; `step` is the time step of a batch.
    """

    def __init__(self, node: str, iterations: int, mismatch_pu: float, step: int | None = None):
        at = "" if step is None else f" at step {step}"
        super().__init__(
            f"no solution{at}: after {iterations} iterations the voltage at {node} still changes"
            f" by {mismatch_pu:.3g} pu"
        )
        self.node = node
        self.iterations = iterations
        self.mismatch_pu = mismatch_pu
        self.step = step
