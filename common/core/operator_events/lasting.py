"""What is the case in a run now, of the things that an operator wants to hear of, each with its reason."""

from collections.abc import Sequence

from common.core.operator_events.event import Lasting
from common.core.page.verdict import HEADLINES, Level
from common.core.problems import Problem
from common.core.status.disk_outlook import DiskOutlook
from common.core.status.health import Verdict
from common.core.status.legs import LegState, leg_warnings
from common.core.uploads.outlook import Upload


def lasting_now(
    level: Level,
    health: Verdict,
    *,
    problems: Sequence[Problem],
    legs: Sequence[LegState],
    unhealed: int,
    upload: Upload,
    disk: DiskOutlook,
    reference: Sequence[str] = (),
) -> dict[Lasting, str]:
    """Reasons are messages for a person. `reference`: what is wrong with reference prices."""
    lasting: dict[Lasting, str] = {}
    if level == "dark":
        lasting["dark"] = f"{HEADLINES['dark']}: {health.reason}"
    elif level == "red":
        lasting["problem"] = health.reason or "; ".join(problem.reason for problem in problems)
    if on_one_leg := leg_warnings(legs):
        lasting["one_leg"] = on_one_leg[0]
    if unhealed:
        lasting["divergence"] = f"{unhealed} rebuilt books disagree with the exchange"
    if disk.full_soon:
        lasting["disk"] = disk.words
    if upload.alarms:
        more = f", and {len(upload.alarms) - 1} more" if len(upload.alarms) > 1 else ""
        lasting["alarm"] = f"upload alarm: {upload.alarms[0]}{more}"
    if reference:
        lasting["reference"] = reference[0]
    return lasting
