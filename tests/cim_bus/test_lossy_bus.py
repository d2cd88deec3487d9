"""Requester, router and destination over a network that loses, delays, doubles and reorders, with
nodes that are killed and start again empty: each question has exactly one answer."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from random import Random

import pytest

from protocols.cim.bus import letter as letters
from protocols.cim.bus import rules
from protocols.cim.bus.effects import Answered, DeadLetter, Effect, Followed, Hop, Perform, Send
from protocols.cim.bus.requester import TIMED_OUT, Requester
from protocols.cim.bus.responder import Responder
from protocols.cim.bus.router import Router
from protocols.mqtt import Packet
from tests.cim_bus.letters import AT, RULES, get, reply

SEEDS = range(12)
QUESTIONS = 60
TIMEOUT_S = 40.0
DESTINATIONS = ("SIAD", "SIMOCE", "SCADA")
Node = Requester | Router | Responder


class Network:
    """A seeded one.  `lost` and `doubled` are shares of packets, `delay_s` the longest delay."""

    def __init__(self, seed: int, *, lost: float, doubled: float, delay_s: float) -> None:
        self.luck = Random(f"{seed}/network")
        self.lost, self.doubled, self.delay_s = lost, doubled, delay_s
        self.now = AT
        self.nodes: dict[str, Node] = {}
        self.due: list[tuple[float, int, str, Packet | Perform]] = []
        self.count = itertools.count()
        self.answers: Counter[str] = Counter()
        self.given: dict[str, Answered] = {}
        self.performed: Counter[tuple[str, str]] = Counter()  # (destination and its life, question)
        self.lives: Counter[str] = Counter()
        self.told: set[bytes] = set()  # what destinations replied
        self.strays: list[Followed] = []

    def start(self, name: str) -> None:
        """Start a node, empty; one that ran under this name is killed."""
        self.lives[name] += 1
        judged = rules.read(RULES)
        if name == "ROUTER":
            self.nodes[name] = Router(judged)
        elif name in DESTINATIONS:
            self.nodes[name] = Responder(name)
        else:
            self.nodes[name] = Requester(name, send_again_s=3.0)

    def ask(self, requester: str, key: str, octets: bytes) -> None:
        node = self.nodes[requester]
        assert isinstance(node, Requester)
        self.carry(
            requester, node.ask(key, letters.read(octets), timeout_s=TIMEOUT_S, now=self.now)
        )

    def carry(self, name: str, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(packet):
                    for _ in range(2 if self.luck.random() < self.doubled else 1):
                        if self.luck.random() >= self.lost:
                            self.later(reader(packet.topic), packet, self.delay_s)
                case Perform():
                    life = f"{name}/{self.lives[name]}"
                    self.performed[life, effect.key] += 1
                    self.later(life, effect, 2 * self.delay_s)
                case Answered():
                    self.answers[effect.key] += 1
                    self.given[effect.key] = effect
                case Followed():
                    self.strays.append(effect)
                case Hop() | DeadLetter():
                    pass

    def later(self, name: str, what: Packet | Perform, delay_s: float) -> None:
        at = self.now + timedelta(seconds=self.luck.uniform(0, delay_s))
        heapq.heappush(self.due, ((at - AT).total_seconds(), next(self.count), name, what))

    def run(self, until_s: float) -> None:
        """Let everything happen that is due by then."""
        while True:
            wakes = [
                ((due - AT).total_seconds(), name)
                for name, node in self.nodes.items()
                if (due := node.next_deadline()) is not None
            ]
            wake = min(wakes, default=(float("inf"), ""))
            arrival = self.due[0][0] if self.due else float("inf")
            if min(wake[0], arrival) > until_s:
                break
            if wake[0] <= arrival:
                self.now = max(self.now, AT + timedelta(seconds=wake[0]))
                self.carry(wake[1], self.nodes[wake[1]].handle_deadline(now=self.now))
                continue
            at, _, name, what = heapq.heappop(self.due)
            self.now = max(self.now, AT + timedelta(seconds=at))
            if isinstance(what, Packet):
                self.carry(name, self.nodes[name].receive(what, now=self.now))
                continue
            destination, _, life = name.partition("/")
            if life != str(self.lives[destination]):
                continue  # killed while it worked
            octets = reply(what.letter, next(self.count), by=destination)
            self.told.add(octets)
            node = self.nodes[destination]
            assert isinstance(node, Responder)
            self.carry(destination, node.answer(what.key, octets, now=self.now))
        self.now = max(self.now, AT + timedelta(seconds=until_s))


def reader(topic: str) -> str:
    """Who reads a topic of the default root."""
    kind, first = topic.split("/")[2:4]
    return "ROUTER" if kind == "route" else first


def questions(network: Network, seed: int, *, kill: bool) -> dict[str, bytes]:
    """Ask, and while answers are under way kill what can be killed."""
    luck = Random(f"{seed}/questions")
    for name in ("ROUTER", *DESTINATIONS, "TABLERO", "COMERCIAL"):
        network.start(name)
    asked: dict[str, bytes] = {}
    for number in range(QUESTIONS):
        source = luck.choice(("TABLERO", "COMERCIAL"))
        noun = luck.choice(("Feeder", "Analog")) if source == "TABLERO" else "Feeder"
        octets = get(noun, source, f"m-{number}", option=f"o-{number}")
        key = f"{source}/m-{number}"
        asked[key] = octets
        network.ask(source, key, octets)
        if luck.random() < 0.3:
            network.ask(source, key, octets)  # an impatient caller asks again: it joins
        network.run((network.now - AT).total_seconds() + luck.uniform(0, 1.5))
        if kill and luck.random() < 0.1:
            network.start(luck.choice(("ROUTER", *DESTINATIONS)))
    network.run((network.now - AT).total_seconds() + 2 * TIMEOUT_S)
    return asked


@pytest.mark.parametrize("kill", [False, True], ids=["alive", "killed"])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_question_has_one_answer(seed: int, kill: bool) -> None:
    network = Network(seed, lost=0.2, doubled=0.2, delay_s=2.5)
    asked = questions(network, seed, kill=kill)
    assert network.answers == dict.fromkeys(asked, 1)
    assert network.strays == []
    assert all(count == 1 for count in network.performed.values())  # once in each life
    performed = {key for _, key in network.performed}
    for key, octets in asked.items():
        answer = network.given[key].letter
        if answer.codes == ("0.0",):  # the destination's own octets, to this question
            assert answer.octets in network.told
            assert letters.read(octets).print.encode() in answer.octets
            assert any(key in known for known in performed)
        else:
            assert answer.codes == (TIMED_OUT.code,)
    assert sum(given.letter.codes == ("0.0",) for given in network.given.values()) > QUESTIONS / 2


@pytest.mark.parametrize("seed", range(3))
def test_without_loss_every_question_is_answered_by_its_destination(seed: int) -> None:
    network = Network(seed, lost=0.0, doubled=0.5, delay_s=2.5)
    asked = questions(network, seed, kill=False)
    assert {key: given.letter.codes for key, given in network.given.items()} == dict.fromkeys(
        asked, ("0.0",)
    )
    assert network.answers == dict.fromkeys(asked, 1)


def test_when_nothing_arrives_each_question_is_answered_all_the_same() -> None:
    network = Network(0, lost=1.0, doubled=0.0, delay_s=1.0)
    asked = questions(network, 0, kill=False)
    assert network.answers == dict.fromkeys(asked, 1)
    assert all(given.made_here for given in network.given.values())


def test_the_same_seed_gives_the_same_answers() -> None:
    given = []
    for _ in range(2):
        network = Network(7, lost=0.3, doubled=0.3, delay_s=4.0)
        questions(network, 7, kill=True)
        given.append({key: answer.letter.octets for key, answer in network.given.items()})
    assert given[0] == given[1]
