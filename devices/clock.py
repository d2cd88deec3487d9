"""One clock for asyncio and SimPy.

Live, the ordinary event loop owns time and SimPy events fire at their moment of it.  Simulated,
`SimulatedLoop` owns time: its clock jumps to the next timer, so waiting costs nothing, and the same
code runs unchanged.  `FieldDriver` steps a SimPy world on either.

What would race a clock that jumps is refused, loudly: sockets, threads, subprocesses, signals.
`simpy.rt` sleeps inside the loop and is never used.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

import simpy

T = TypeVar("T")

CLOCK_RESOLUTION_S = 1e-6
"""asyncio fires a timer when `when < time() + resolution`.  Its own value, 1 ns, is lost in float
rounding past 2**24 s (194 days), and the loop would spin for ever.  1 µs holds for 2**33 s."""

STANDSTILL_ITERATIONS_MAX = 1_000_000
"""Turns of the loop at one instant before it is called a livelock.  A busy instant of a thousand
meters takes some thousands."""


class ClockRefusal(RuntimeError):
    """Code under the simulated clock asked for something that runs in real time."""


class SimulationStuck(RuntimeError):
    """Nothing can happen any more: every task waits and no timer is set, or time stands still."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it.

    `time()` starts at 0 and counts seconds; `start` is the date of that zero.
    """

    def __init__(self, start: datetime) -> None:
        super().__init__()
        if start.tzinfo is None:
            self.close()
            raise ValueError("the start of a simulation needs a time zone")
        _watch_for_real_time()
        self.start = start.astimezone(UTC)
        self._now = 0.0
        self._timers_set = 0
        self._standstill = 0
        self._owner = threading.get_ident()
        self._failure: BaseException | None = None
        self.passed: Callable[[float], None] | None = None
        """Hears of each second that the clock has come to; it only looks."""
        # In order of creation.  asyncio.all_tasks() is a set ordered by address, which would let
        # the cancellations at the end of a run differ from one run to the next.
        self._tasks: weakref.WeakValueDictionary[int, asyncio.Task[Any]]
        self._tasks = weakref.WeakValueDictionary()
        self._tasks_made = 0
        self._clock_resolution = CLOCK_RESOLUTION_S
        self._selector = _Jump(self)
        self.set_task_factory(_remember_task)  # type: ignore[arg-type]
        self.set_exception_handler(_fail)  # type: ignore[arg-type]

    def time(self) -> float:
        """Simulated seconds since `start`."""
        return self._now

    def utc(self) -> datetime:
        """The simulated date, to the microsecond."""
        return self.start + timedelta(seconds=self._now)

    def pending(self) -> list[asyncio.Task[Any]]:
        """The tasks that are not done, in order of creation."""
        return [task for task in self._tasks.values() if not task.done()]

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """As asyncio's; timers of one moment fire in the order in which they were set.

        asyncio's heap compares moments alone: which of two equal ones fires first hangs on every
        other timer in it, so that a new duty somewhere could swap two orders of a story.
        """
        self._check_closed()  # type: ignore[attr-defined]
        self._timers_set += 1
        timer = _TimerInTurn(when, callback, args, self, context)
        timer.turn = self._timers_set
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True
        return timer

    # What asyncio asks of a loop's back end.

    def _process_events(self, event_list: list[object]) -> None:
        """There are no files to watch, hence no events."""

    def _write_to_self(self) -> None:
        """Nobody else can need waking: `call_soon_threadsafe` refuses other threads."""

    def _jump(self, timeout: float | None) -> None:
        """Move the clock to the next timer; called when the loop would wait for its selector."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if timeout is None:
            raise SimulationStuck(self._who_waits("every task waits and no timer is set"))
        if timeout > 0:
            # Exactly the timer's moment: adding differences would gather rounding errors.
            self._now = max(self._now, self._scheduled[0]._when)  # type: ignore[attr-defined]
            self._standstill = 0
            if self.passed is not None:
                self.passed(self._now)
            return
        self._standstill += 1
        if self._standstill > STANDSTILL_ITERATIONS_MAX:
            self._standstill = 0
            raise SimulationStuck(self._who_waits(f"time stands still at {self.utc():%F %T}"))

    def _who_waits(self, why: str) -> str:
        waiting = "".join(f"\n  {_where(task)}" for task in self.pending())
        return f"the simulation is stuck: {why}; waiting:{waiting or ' nobody'}"

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """As `call_soon`; refused from any thread but the loop's own."""
        if threading.get_ident() != self._owner:
            raise ClockRefusal(f"another thread may not enter the simulated clock: {callback!r}")
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, *_: Any) -> NoReturn:  # type: ignore[override]
        """Refused: the clock would jump while the thread works."""
        raise ClockRefusal("a thread would race the simulated clock")


class _TimerInTurn(asyncio.TimerHandle):
    __slots__ = ("turn",)
    turn: int
    _when: float
    _scheduled: bool

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        if self._when == other._when:  # type: ignore[attr-defined]
            return self.turn < other.turn  # type: ignore[attr-defined]
        return self._when < other._when  # type: ignore[attr-defined]


class _Jump:
    """Stands where a selector stands, and never waits."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[object]:
        self._loop._jump(timeout)
        return []


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ClockRefusal(f"{name}: real input and output would race the simulated clock")

    refuse.__name__ = name
    refuse.__doc__ = "Refused: see ClockRefusal."
    return refuse


REFUSED_METHODS = (
    "create_connection create_server create_unix_connection create_unix_server "
    "create_datagram_endpoint connect_accepted_socket start_tls sendfile getaddrinfo getnameinfo "
    "sock_accept sock_connect sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into "
    "sock_sendall sock_sendto sock_sendfile connect_read_pipe connect_write_pipe "
    "subprocess_exec subprocess_shell add_reader remove_reader add_writer remove_writer "
    "add_signal_handler remove_signal_handler"
).split()
"""Every method of a loop that touches the real world, `run_in_executor` aside."""

for _name in REFUSED_METHODS:
    setattr(SimulatedLoop, _name, _refusing(_name))

_REFUSED_AUDIT_EVENTS = frozenset(
    {
        "_thread.start_new_thread",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "socket.__new__",
        "socket.connect",
        "socket.bind",
        "socket.getaddrinfo",
        "subprocess.Popen",
    }
)
_watching = False


def _watch_for_real_time() -> None:
    """Refuse sockets, threads and processes that do not go through the loop either.

    A library may open a socket by itself; the interpreter's audit events (PEP 578) tell.  Python
    3.11 has none for a new thread, so `threading` gets a guarded way to start one.  A hook cannot
    be removed, so there is one, and it acts only where a simulated loop is running.
    """
    global _watching
    if _watching:
        return
    _watching = True
    sys.addaudithook(_audit)
    if sys.version_info < (3, 12):
        start_thread = threading._start_new_thread  # type: ignore[attr-defined]

        def start_new_thread(*arguments: Any) -> Any:
            _audit("_thread.start_new_thread", arguments)
            return start_thread(*arguments)

        threading._start_new_thread = start_new_thread  # type: ignore[attr-defined]


def _audit(
    event: str, _: tuple[object, ...], refused: frozenset[str] = _REFUSED_AUDIT_EVENTS
) -> None:
    if event in refused and isinstance(asyncio._get_running_loop(), SimulatedLoop):
        raise ClockRefusal(f"{event}: it would race the simulated clock")


def _remember_task(
    loop: SimulatedLoop, coroutine: Coroutine[Any, Any, Any], **named: Any
) -> asyncio.Task[Any]:
    task = asyncio.Task(coroutine, loop=loop, **named)
    loop._tasks_made += 1
    loop._tasks[loop._tasks_made] = task
    return task


def _fail(loop: SimulatedLoop, context: dict[str, Any]) -> None:
    """An error that nobody awaits ends the run: a simulation that limps on proves nothing."""
    error = context.get("exception")
    if not isinstance(error, BaseException):
        error = RuntimeError(str(context.get("message")))
    if loop._failure is None:
        loop._failure = error


def _where(task: asyncio.Task[Any]) -> str:
    """The task's name and the line on which it waits."""
    frames = task.get_stack(limit=1)
    awaited: Any = task.get_coro()
    while getattr(awaited, "cr_await", None) is not None and hasattr(awaited.cr_await, "cr_frame"):
        awaited = awaited.cr_await
    frame = getattr(awaited, "cr_frame", None) or (frames[0] if frames else None)
    if frame is None:
        return f"{task.get_name()}: nowhere"
    code = frame.f_code
    return f"{task.get_name()}: {code.co_qualname} at {code.co_filename}:{frame.f_lineno}"


def run_simulated(
    main: Coroutine[Any, Any, T],
    *,
    start: datetime,
    passed: Callable[[float], None] | None = None,
) -> T:
    """Run `main` to its end on a simulated clock that reads `start` at first; its result.

    `passed` hears of the seconds since then as the clock comes to them, and acts on nothing of the
    run.  Tasks left over are cancelled in order of creation.  Raises `SimulationStuck` when nothing
    can happen any more, and the first error that a callback or a forgotten task raised.
    """
    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(start)) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SimulatedLoop)
        loop.passed = passed
        return runner.run(_to_the_end(main, loop))


async def _to_the_end(main: Coroutine[Any, Any, T], loop: SimulatedLoop) -> T:
    try:
        result = await main
    finally:
        for task in loop.pending():
            if task is not asyncio.current_task():
                task.cancel()
                await asyncio.wait([task])
    for task in list(loop._tasks.values()):
        if task.done() and getattr(task, "_log_traceback", False):  # failed, and nobody looked
            task.result()
    if loop._failure is not None:
        failure, loop._failure = loop._failure, None
        raise failure
    return result


class FieldDriver:
    """Steps a SimPy world on the running loop's clock, whichever clock that is.

    The world's time is POSIX seconds UTC: `FieldDriver(world(start))`.  When a process of the world
    raises, the world stops, `failed` carries the error, and `enter` raises it.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self._loop = asyncio.get_running_loop()
        self._offset_s = self._loop.time() - env.now
        self._timer: asyncio.TimerHandle | None = None
        self._due = simpy.core.Infinity
        self._inside = False
        self._running = False
        self.failed: asyncio.Future[NoReturn] = self._loop.create_future()

    def start(self) -> None:
        """Let the world run from now on."""
        self._running = True
        self._arm()

    def stop(self) -> None:
        """Halt the world; events that are due later do not happen."""
        self._running = False
        self._disarm()
        if not self.failed.done():
            self.failed.cancel()

    def enter(self, action: Callable[[], T]) -> T:
        """Let asyncio code act on the world at the world's present time.

        Every change made from outside goes through here; otherwise `env.now` would be the time of
        the last event, and a new event could be armed too late.
        """
        if self._inside:  # called by the world itself, whose time is right already
            return action()
        if self.failed.done() and not self.failed.cancelled():
            raise RuntimeError("the world has stopped") from self.failed.exception()
        if self._running:
            self._run_to(self._loop.time() - self._offset_s)
        self._inside = True
        try:
            return action()
        finally:
            self._inside = False
            self._arm()

    def _run_to(self, now: float) -> None:
        self._inside = True
        try:
            while self.env.peek() <= now:
                self.env.step()
            if self.env.now < now:
                # Not `run(until=now)`, which leaves an event behind: a timer would be armed for it.
                tick = self.env.timeout(now - self.env.now)
                while not tick.processed:
                    self.env.step()
        except Exception as error:
            self._running = False
            self._disarm()
            if not self.failed.done():
                self.failed.set_exception(error)
            raise
        finally:
            self._inside = False

    def _wake(self) -> None:
        due, self._timer, self._due = self._due, None, simpy.core.Infinity
        # The loop may wake a hair early; the event is due all the same.  An error goes on to the
        # loop's exception handler: it ends a simulated run and is logged in a live one.
        self._run_to(max(due, self._loop.time() - self._offset_s))
        self._arm()

    def _arm(self) -> None:
        due = self.env.peek()
        if not self._running or due == self._due:
            return
        self._disarm()
        if due < simpy.core.Infinity:
            self._due = due
            self._timer = self._loop.call_at(due + self._offset_s, self._wake)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, simpy.core.Infinity


def wall_clock() -> float:
    """POSIX seconds UTC of the machine: for devices on the live loop only."""
    if isinstance(asyncio._get_running_loop(), SimulatedLoop):
        raise ClockRefusal("the machine's clock knows nothing of simulated time")
    return time.time()


def stopwatch() -> Callable[[], float]:
    """Real seconds since this call, to report how long a run took; nothing is decided on it."""
    began = time.perf_counter()
    return lambda: time.perf_counter() - began


def world(start: datetime) -> simpy.Environment:
    """A SimPy environment whose time is POSIX seconds UTC and begins at `start`."""
    if start.tzinfo is None:
        raise ValueError("the start of a world needs a time zone")
    return simpy.Environment(initial_time=start.timestamp())
