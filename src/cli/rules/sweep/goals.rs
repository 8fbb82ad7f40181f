//! `--frontier A,B`: the two goals of the Pareto frontier.

use crate::diagnostic::{did_you_mean, nearest};
use crate::simulator::{Direction, Goal, Measure};

/// Parses two goals, such as `engagement,reviews`; each may end in `:more` or `:fewer` to override the default
/// direction of its figure.
pub(super) fn parse_goals(text: &str) -> Result<[Goal; 2], String> {
    let Some((first, second)) = text.split_once(',') else {
        return Err("name two figures separated by a comma, such as engagement,reviews".to_owned());
    };
    let goals = [parse_goal(first.trim())?, parse_goal(second.trim())?];
    let [first, second] = goals;
    if first.measure == second.measure {
        return Err(format!("`{}` is named twice; name two different figures", first.measure.name()));
    }
    Ok(goals)
}

fn parse_goal(text: &str) -> Result<Goal, String> {
    let (name, suffix) = text.split_once(':').map_or((text, None), |(name, suffix)| (name, Some(suffix)));
    let names = || Measure::ALL.into_iter().map(Measure::name);
    let measure = Measure::ALL.into_iter().find(|measure| measure.name() == name).ok_or_else(|| {
        let all = names().collect::<Vec<_>>().join(", ");
        let hint = nearest(name, names()).map_or_else(|| ".".to_owned(), |near| format!("; {}", did_you_mean(near)));
        format!("`{name}` is not a headline figure{hint} The figures are {all}")
    })?;
    let direction = match suffix {
        None => measure.direction(),
        Some("more") => Direction::More,
        Some("fewer") => Direction::Fewer,
        Some(other) => return Err(format!("`{other}` is not a direction; write `{name}:more` or `{name}:fewer`")),
    };
    Ok(Goal { measure, direction })
}

/// Formats two goals as [`parse_goals`] parses them.
pub(super) fn format_goals(goals: [Goal; 2]) -> String {
    let texts = goals.map(|goal| match goal.direction {
        direction if direction == goal.measure.direction() => goal.measure.name().to_owned(),
        Direction::More => format!("{}:more", goal.measure.name()),
        Direction::Fewer => format!("{}:fewer", goal.measure.name()),
    });
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_formatted_as_they_were_parsed() {
        for text in ["engagement,reviews", "posts_drafted:fewer,engagement", "reviews:more,expired"] {
            assert_eq!(format_goals(parse_goals(text).unwrap()), text);
        }
        assert_eq!(format_goals(parse_goals("engagement:more, reviews:fewer").unwrap()), "engagement,reviews");
    }

    #[test]
    fn invalid_goals_are_reported_with_a_remedy() {
        for (wrong, message) in [
            ("engagement", "separated by a comma"),
            ("engagement,review", "did you mean `reviews`?"),
            ("engagement,money", "The figures are net_worth, engagement, "),
            ("engagement,engagement", "named twice"),
            ("engagement:less,reviews", "write `engagement:more`"),
        ] {
            let text = parse_goals(wrong).unwrap_err();
            assert!(text.contains(message), "{wrong}: {text}");
        }
    }
}
