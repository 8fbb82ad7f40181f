"""Checks planned weeks under limits with HiGHS, without mcoe's code: `python3 limits.py FOLDER` reads what
`mcoe plan --export-instances FOLDER` wrote (docs/limits.md). Needs `pip install highspy`.

Lists every feasible choice of hours of each channel, so weeks must be small: few posts, few open hours. HiGHS then
picks one choice for each channel of a client so that all limits are met and the objective is greatest. A week is wrong
if its bound is below this optimum, if its objective is above it, or if it counts as proven and its objective is below it.
"""

import json
import math
import sys
from pathlib import Path

import highspy

MAX_CHOICES = 20_000
# Differences up to this share of the optimum count as rounding.
ROUNDING = 1e-7
# mcoe stops its search at a gap up to this share of the optimum; the week then counts as proven.
PROVEN_GAP = 1e-5


def response(week, fatigue):
    """The share of its value that a post earns at a level of fatigue."""
    shape = week["response"]
    if week.get("response_kind") == "power":
        return (1 + fatigue / shape["scale"]) ** -shape["exponent"]
    return min(intercept - slope * fatigue for intercept, slope in shape)


def feasible_choices(week):
    """Every feasible choice of hours in a channel's week, with its objective."""
    hours, committed = week["hours"], set(week.get("committed", []))
    next_hour = week.get("next_after") or [hour + max(week["spacing_hours"], 1) for hour in range(hours)]
    spacing = 1 if week.get("next_after") else max(week["spacing_hours"], 1)
    since_last_post = week["hours_since_last_post"]

    def is_open(hour):
        is_near_last_post = since_last_post is not None and abs(hour + since_last_post) < spacing
        is_near_committed = any(abs(hour - post) < spacing for post in committed)
        return week["allowed"][hour] and not is_near_last_post and not is_near_committed

    def fatigue_later(fatigue, start, end):
        """Fatigue at `end` if nothing is chosen from `start` on."""
        for hour in range(start, end):
            fatigue = (fatigue + (week["fatigue_per_post"] if hour in committed else 0)) * week["decay_per_hour"]
        return fatigue

    choices = []

    def extend(chosen, earned, fatigue, hour):
        """Adds `chosen` and every choice with further posts from `hour` on, at which fatigue is `fatigue`."""
        fatigue_at_end = fatigue_later(fatigue, hour, hours)
        choices.append((chosen, earned - week["end_weight"] * fatigue_at_end))
        if len(choices) > MAX_CHOICES:
            sys.exit(f"a channel of {week['client_id']} has too many choices to list: make the weeks smaller")
        if len(chosen) == week["posts_max"]:
            return
        for post in range(hour if not chosen else next_hour[chosen[-1]], hours):
            before = fatigue_later(fatigue, hour, post)
            if is_open(post) and before < week["block_at"]:
                gain = week["value"][post] * response(week, before) - week.get("cost", 0)
                after = (before + week["fatigue_per_post"]) * week["decay_per_hour"]
                extend(chosen + [post], earned + gain, after, post + 1)

    extend([], 0.0, week["fatigue_start"], 0)
    return choices


def optimum(week):
    """The greatest objective of choices that meet the limits, by HiGHS; `None` if no choices do."""
    terms_at = {}  # By channel and hour: the rows that count a post there, with its coefficient.
    for number, row in enumerate(week["limits"]):
        for channel, hour, _asset, coefficient in row["terms"]:
            terms_at.setdefault((channel, hour), []).append((number, coefficient))
    model = highspy.Highs()
    for option, value in [("output_flag", False), ("mip_rel_gap", 0.0), ("mip_abs_gap", 1e-9)]:
        model.setOptionValue(option, value)
    rows = [([], []) for _ in week["limits"]]  # By row: columns and their coefficients.
    for channel, problem in enumerate(week["channels"]):
        first = model.getNumCol()
        for column, (chosen, objective) in enumerate(feasible_choices(problem), first):
            model.addCol(-objective, 0.0, 1.0, 0, [], [])
            model.changeColIntegrality(column, highspy.HighsVarType.kInteger)
            usage = {}
            for hour in chosen:
                for number, coefficient in terms_at.get((channel, hour), []):
                    usage[number] = usage.get(number, 0.0) + coefficient
            for number, total in usage.items():
                rows[number][0].append(column)
                rows[number][1].append(total)
        own_columns = list(range(first, model.getNumCol()))
        model.addRow(1.0, 1.0, len(own_columns), own_columns, [1.0] * len(own_columns))
    for row, (columns, coefficients) in zip(week["limits"], rows):
        if row["soft_price"] is not None:
            columns.append(model.getNumCol())
            coefficients.append(-1.0)
            model.addCol(row["soft_price"], 0.0, math.inf, 0, [], [])
        if columns:
            model.addRow(-math.inf, row["bound"], len(columns), columns, coefficients)
    model.run()
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return -model.getInfo().objective_function_value


def main():
    folder = Path(sys.argv[1])
    weeks = proven = wrong = coupled = 0
    greatest_shortfall = 0.0
    for file in sorted(folder.glob("*-limits.json")):
        week = json.loads(file.read_text())
        scope, objective, bound = week["scope"], week["objective"], week["upper_bound"]
        best = optimum(week)
        if best is None or bound is None:
            # No bound is proven if no choices meet the limits, and only then.
            if (best is None) != (bound is None):
                wrong += 1
                print(f"{scope}: the bound is {bound}, the optimum {best}")
            continue
        size = max(abs(best), 1.0)
        weeks += 1
        coupled += any(row["price"] > 0 for row in week["limits"])
        is_proven = (bound - objective) / size <= PROVEN_GAP
        proven += is_proven
        greatest_shortfall = max(greatest_shortfall, (best - objective) / size)
        claims = [
            (bound >= best - ROUNDING * size, f"the bound {bound} is below the optimum {best}"),
            (objective <= best + ROUNDING * size, f"the objective {objective} is above {best}"),
            (not is_proven or best - objective <= PROVEN_GAP * size, f"{objective} is not {best}"),
        ]
        for is_true, message in claims:
            if not is_true:
                wrong += 1
                print(f"{scope}: {message}")
    print(f"{weeks} weeks, in {coupled} of them a limit costs something; {proven} are proven; {wrong} claims are wrong")
    print(f"the greatest shortfall from the optimum is {100 * greatest_shortfall:.5f} %")
    sys.exit(1 if wrong or not weeks else 0)


if __name__ == "__main__":
    main()
