//! Planned posts by week and outcome, against the target.

use super::axes::{self, Scale, Symbol, Weeks, alpha, step_line};
use super::canvas::LabelStyle;
use super::palette::{BLUE, INK, MUTED, PURPLE, SKY, VERMILLION};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{Simulation, TargetChanges, WeekSummary};

const HEIGHT: f64 = 370.0;
const EMPTY_MESSAGE: &str = "The rules wanted no posts.";

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let weekly = &simulation.weekly;
    let heading = Heading {
        name: "posts",
        title: "Planned posts per week against target, by outcome".to_owned(),
        caption: caption(simulation),
    };
    heading.draw(HEIGHT, |canvas| {
        let plot_top = axes::legend(canvas, &entries(simulation))?;
        let frame = axes::plot(canvas, plot_top, HEIGHT, "posts per week")?;
        let highest =
            |week: &WeekSummary| week.posts_wanted.max(week.posts_target).max(posts_by_outcome(week).iter().sum());
        let max = weekly.iter().map(highest).fold(0.0, f64::max);
        if max <= 0.0 {
            return axes::message(canvas, frame, EMPTY_MESSAGE);
        }
        let scale = Scale::from_zero(max, 5.0);
        let weeks = Weeks::new(simulation.provenance.start, weekly.len());
        scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        weeks.draw(canvas, frame, LabelStyle::NOTE)?;
        axes::x_label(canvas, frame, HEIGHT, "week beginning")?;
        for (index, week) in weekly.iter().enumerate() {
            let [committed, drafted, blocked, not_approved] = posts_by_outcome(week);
            let parts = [(committed, SKY), (drafted, BLUE), (blocked, VERMILLION), (not_approved, PURPLE)];
            axes::stack(canvas, frame, scale, weeks.bar(frame, index), &parts)?;
        }
        canvas.dashes(&step_line(weeks, frame, scale, weekly.iter().map(|week| week.posts_wanted)), 1.6, MUTED)?;
        canvas.line(&step_line(weeks, frame, scale, weekly.iter().map(|week| week.posts_target)), 1.8, INK)
    })
}

fn entries(simulation: &Simulation) -> Vec<(Symbol, &'static str)> {
    let mut entries = vec![
        (Symbol::Dashed(MUTED), "wanted by the rules"),
        (Symbol::Line(INK), target_label(simulation.target_changes())),
    ];
    if simulation.provenance.committed_posts > 0 {
        entries.push((Symbol::Patch(alpha(SKY, 1.0)), "already committed"));
    }
    entries.extend([
        (Symbol::Patch(alpha(BLUE, 1.0)), "drafted"),
        (Symbol::Patch(alpha(VERMILLION, 1.0)), "blocked"),
        (Symbol::Patch(alpha(PURPLE, 1.0)), "rejected or expired"),
    ]);
    entries
}

/// The label of the target line.
pub fn target_label(changes: TargetChanges) -> &'static str {
    if changes.has_hook_changes() { "target set by weekly_posts" } else { "target after fatigue" }
}

/// A week's posts by outcome: those committed before the run, and of the planned ones those drafted, those blocked, and
/// those rejected or not approved in time.
fn posts_by_outcome(week: &WeekSummary) -> [f64; 4] {
    let drafted = (week.posts_drafted - week.posts_committed).max(0.0);
    let not_approved = (week.posts_planned - drafted - week.posts_blocked).max(0.0);
    [week.posts_committed, drafted, week.posts_blocked, not_approved]
}

fn caption(simulation: &Simulation) -> String {
    let sum = |value: fn(&WeekSummary) -> f64| simulation.weekly.iter().map(value).sum::<f64>();
    let (wanted, target) = (sum(|week| week.posts_wanted), sum(|week| week.posts_target));
    let (planned, committed) = (sum(|week| week.posts_planned), sum(|week| week.committed_in_target));
    if wanted <= 0.0 && target <= 0.0 {
        return EMPTY_MESSAGE.to_owned();
    }
    let (wanted_count, target_count) = (numbers::count(wanted), numbers::count(target));
    let target_share = numbers::percent(numbers::share(target, wanted));
    let change = if wanted <= 0.0 {
        format!("The rules wanted no posts, and the pack's weekly_posts function set a target of {target_count}")
    } else if simulation.target_changes().has_hook_changes() {
        format!(
            "The pack's weekly_posts function changed the {wanted_count} wanted posts to a target of {target_count} \
             ({target_share})"
        )
    } else if target < wanted {
        format!("Fatigue reduced the {wanted_count} wanted posts to a target of {target_count} ({target_share})")
    } else {
        format!("The target is all {wanted_count} wanted posts")
    };
    let of_target = |posts: f64| numbers::percent(numbers::share(posts, target));
    let already_committed = if committed > 0.0 {
        format!("; {} of that target was already committed", of_target(committed))
    } else {
        String::new()
    };
    format!(
        "{change}{already_committed}; {} of that target was planned. Where a bar stays below the solid line, no hour \
         was left in which a post is allowed and earns more than it costs.",
        of_target(planned),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn a_target_that_only_a_function_set_is_stated() {
        let mut simulation = sample::simulation();
        simulation.weekly.iter_mut().for_each(|week| week.posts_wanted = 0.0);
        let text = caption(&simulation);
        let start = "The rules wanted no posts, and the pack's weekly_posts function set a target of ";
        assert!(text.starts_with(start), "{text}");
        simulation.weekly.iter_mut().for_each(|week| week.posts_target = 0.0);
        assert_eq!(caption(&simulation), EMPTY_MESSAGE);
    }
}
