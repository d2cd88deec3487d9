"""What a network can be that has no solution, or no meaning."""

from __future__ import annotations


class BadNetwork(ValueError):
    """A network's description is wrong or holds what is not modelled; the text says where."""

    file: str | None = None
    """The file's name, once the text names it."""
    line: int | None = None

    @property
    def placed(self) -> bool:
        """Whether the text names its file already."""
        return self.file is not None

    @classmethod
    def at(cls, where: str, name: str, error: Exception | str) -> BadNetwork:
        """An element's, with the place, "file:line", where it was written."""
        if isinstance(error, BadNetwork) and error.placed:
            return error
        file, _, line = where.rpartition(":")
        return cls.of_file(file, f"{where}: {name}: {error}" if name else f"{where}: {error}", line)

    @classmethod
    def of_file(cls, file: str, text: str, line: int | str | None = None) -> BadNetwork:
        """One whose text tells the file, and the line where that is known."""
        found = cls(text)
        found.file = file
        found.line = None if line is None else int(line)
        return found


class NotConverged(ArithmeticError):
    """The power flow found no solution, as when more is drawn than the network can carry.

    `node` is where the last step still changed most, `mismatch_pu` by how much of the no-load
    voltage; `step` is the time step of a batch, `network` whose it is.  It can be made again of
    its `args`, as SimPy and pickle do.
    """

    def __init__(
        self,
        node: str,
        iterations: int,
        mismatch_pu: float,
        step: int | None = None,
        network: str | None = None,
        text: str | None = None,
    ):
        super().__init__(node, iterations, mismatch_pu, step, network, text)
        self.node = node
        self.iterations = iterations
        self.mismatch_pu = mismatch_pu
        self.step = step
        self.network = network
        self._text = text

    def of(self, network: str) -> NotConverged:
        """The same, with whose it is."""
        return NotConverged(
            self.node, self.iterations, self.mismatch_pu, self.step, network, self._text
        )

    @classmethod
    def collapsed(cls, element: str, node: str, volts_pu: float, iterations: int) -> NotConverged:
        """What is drawn has no solution as its model states it: only as a lesser load."""
        text = (
            f"no solution with {element} as its model states it: at {node} only {volts_pu:.3g} of"
            " the rated voltage would be left"
        )
        return cls(node, iterations, 1.0 - volts_pu, text=text)

    def __str__(self) -> str:
        of = "" if self.network is None else f"{self.network}: "
        if self._text is not None:
            return of + self._text
        at = "" if self.step is None else f" at step {self.step}"
        return (
            f"{of}no solution{at}: after {self.iterations} iterations the voltage at {self.node}"
            f" still changes by {self.mismatch_pu:.3g} pu"
        )
