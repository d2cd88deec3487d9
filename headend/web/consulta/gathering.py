"""Windows of circuits as SIMOCE and SCADA tell them at this moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, tzinfo

from headend.analysis.judged import p95_of
from headend.analysis.windows import mobile_48h, mobile_month
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import FeederMapping, KeptInstance
from headend.web.consulta.asking import Conversation
from headend.web.consulta.measured import Present, hours, of_one_moment, rolled_up
from headend.web.consulta.naming import names_in
from headend.web.consulta.organisation import Organisation
from headend.web.consulta.standing import Shown
from headend.web.consulta.window import Window


async def window_now(
    talk: Conversation,
    organisation: Organisation,
    circuits: Sequence[KeptInstance],
    shown: Shown,
    today: date,
    zone: tzinfo,
    policy: AnalysisPolicy,
    mapped: Iterable[FeederMapping],
) -> Window:
    """Mobile Month or Mobile 48 h of circuits, of what SIMOCE has now.  `mapped` are the names
    that the tasks and people found, as the database's figures go by.  Raises `AdapterFailed`."""
    names = await names_in(talk, "SIMOCE", mapped)
    wanted = {it.key: names[it.key] for it in circuits if it.key in names}
    days = mobile_month(today) if shown is Shown.MONTH else mobile_48h(today)
    found = await hours(talk, [*wanted.values()], [*days], zone)
    levels = {it.key: organisation.kilovolts(it) for it in circuits}
    by_hour = {key: rolled_up(found[name], policy, levels[key]) for key, name in wanted.items()}
    return Window.of(
        {key: rollup.over(0) for key, (rollup, _) in by_hour.items()},
        {key: p95_of(percents) for key, (_, percents) in by_hour.items()},
    )


def moments(
    organisation: Organisation,
    circuits: Sequence[KeptInstance],
    present: Mapping[str, Present],
    policy: AnalysisPolicy,
) -> Window:
    """What SCADA shows now, judged as if it were an hour."""
    return Window.of(
        {
            it.key: rolled_up(
                of_one_moment(present[it.key].values), policy, organisation.kilovolts(it)
            )[0].over(0)
            for it in circuits
            if it.key in present
        }
    )
