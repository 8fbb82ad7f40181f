"""Checks weeks under limits by HiGHS, without mcoe's code: `python3 limits.py FOLDER` reads what
`mcoe plan --export-instances FOLDER` wrote (docs/limits.md). Needs `pip install highspy`.

For every client, each choice of hours of each channel is listed, so weeks must be small: few posts, few open hours. HiGHS
then picks one choice a channel such that the limits are kept and the sum of objectives is greatest. A week is wrong if
its bound is below that optimum, or its objective above it, or if it claims to be proven and is not the optimum.
"""

import json
import math
import sys
from pathlib import Path

import highspy

MOST_CHOICES = 20_000
# Differences up to this share count as rounding.
ROUNDING = 1e-7
# A gap up to this share of the bound counts as proven: the search ends there.
PROVEN = 1e-5


def response(week, fatigue):
    """The share of its value that a post earns at a fatigue."""
    shape = week["response"]
    if isinstance(shape, dict):
        return (1 + fatigue / week["fatigue_per_post"]) ** -shape["strength"]
    (first, falling), (second, steeper) = shape
    return min(first - falling * fatigue, second - steeper * fatigue)


def choices(week):
    """Every feasible choice of hours of a channel's week, with its objective."""
    hours, committed = week["hours"], set(week.get("committed", []))
    following = week.get("next_after") or [hour + max(week["spacing_hours"], 1) for hour in range(hours)]
    spacing = 1 if week.get("next_after") else max(week["spacing_hours"], 1)
    since = week["hours_since_last_post"]

    def is_open(hour):
        near_last = since is not None and abs(hour + since) < spacing
        return week["allowed"][hour] and not near_last and all(abs(hour - post) >= spacing for post in committed)

    def rest(fatigue, start, end):
        for hour in range(start, end):
            fatigue = (fatigue + (week["fatigue_per_post"] if hour in committed else 0)) * week["decay_per_hour"]
        return fatigue

    found = []

    def extend(chosen, earned, fatigue, hour):
        """`fatigue` is that at `hour`, before a post there."""
        end = rest(fatigue, hour, hours)
        found.append((chosen, earned - week["end_weight"] * end))
        if len(found) > MOST_CHOICES:
            sys.exit(f"a channel of {week['client_id']} has too many choices to list: make the weeks smaller")
        if len(chosen) == week["posts_max"]:
            return
        for later in range(hour if not chosen else following[chosen[-1]], hours):
            before = rest(fatigue, hour, later)
            if is_open(later) and before < week["block_at"]:
                gain = week["value"][later] * response(week, before) - week.get("cost", 0)
                tired = (before + week["fatigue_per_post"]) * week["decay_per_hour"]
                extend(chosen + [later], earned + gain, tired, later + 1)

    extend([], 0.0, week["fatigue_start"], 0)
    return found


def optimum(limits, weeks):
    """The greatest objective of a combination that keeps the limits, by HiGHS; `None` if there is none."""
    counted = {}
    for number, row in enumerate(limits["limits"]):
        for channel, hour, _asset, coefficient in row["terms"]:
            counted.setdefault((channel, hour), []).append((number, coefficient))
    model = highspy.Highs()
    for option, value in [("output_flag", False), ("mip_rel_gap", 0.0), ("mip_abs_gap", 1e-9)]:
        model.setOptionValue(option, value)
    rows = [([], []) for _ in limits["limits"]]
    for channel in limits["channels"]:
        first = model.getNumCol()
        for column, (chosen, objective) in enumerate(choices(weeks[channel]), first):
            model.addCol(-objective, 0.0, 1.0, 0, [], [])
            model.changeColIntegrality(column, highspy.HighsVarType.kInteger)
            used = {}
            for hour in chosen:
                for number, coefficient in counted.get((channel, hour), []):
                    used[number] = used.get(number, 0.0) + coefficient
            for number, count in used.items():
                rows[number][0].append(column)
                rows[number][1].append(count)
        picks = list(range(first, model.getNumCol()))
        model.addRow(1.0, 1.0, len(picks), picks, [1.0] * len(picks))
    for row, (columns, counts) in zip(limits["limits"], rows):
        if "price" in row:
            columns.append(model.getNumCol())
            counts.append(-1.0)
            model.addCol(row["price"], 0.0, math.inf, 0, [], [])
        if columns:
            model.addRow(-math.inf, row["at_most"], len(columns), columns, counts)
    model.run()
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return -model.getInfo().objective_function_value


def main():
    folder = Path(sys.argv[1])
    weeks = proven = wrong = coupled = 0
    worst = 0.0
    for file in sorted(folder.glob("*-limits.json")):
        limits = json.loads(file.read_text())
        client = limits["client_id"]
        channels = {name: json.loads((folder / f"{client}-{name}.json").read_text()) for name in limits["channels"]}
        best = optimum(limits, channels)
        if best is None or "bound" not in limits:
            wrong += best is not None
            continue
        size = max(abs(best), 1.0)
        weeks += 1
        coupled += any(row["shadow_price"] > 0 for row in limits["limits"])
        gap = (limits["bound"] - limits["objective"]) / size
        is_proven = gap <= PROVEN
        proven += is_proven
        worst = max(worst, (best - limits["objective"]) / size)
        claims = [
            (limits["bound"] >= best - ROUNDING * size, f"the bound {limits['bound']} is below the optimum {best}"),
            (limits["objective"] <= best + ROUNDING * size, f"the objective {limits['objective']} is above {best}"),
            (not is_proven or best - limits["objective"] <= PROVEN * size, f"{limits['objective']} is not {best}"),
        ]
        for holds, message in claims:
            if not holds:
                wrong += 1
                print(f"{client}: {message}")
    print(f"{weeks} weeks, in {coupled} of them a limit costs something; {proven} are proven; {wrong} claims are wrong")
    print(f"at worst {100 * worst:.5f} % are missing to the optimum")
    sys.exit(1 if wrong or not weeks else 0)


if __name__ == "__main__":
    main()
