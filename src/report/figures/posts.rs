//! Posts planned a week against what the rules wanted, by what became of them.

use super::axes::{self, Key, Scale, Weeks, light, steps};
use super::canvas::Lettering;
use super::palette::{BLUE, INK, MUTED, PURPLE, VERMILLION};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{Simulation, WeekSummary};

const HEIGHT: f64 = 370.0;
const NOTHING: &str = "The rules wanted no posts.";

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let weekly = &simulation.weekly;
    let heading = Heading {
        name: "posts",
        title: "Posts planned a week against target, by what became of them".to_owned(),
        caption: caption(weekly),
    };
    heading.draw(HEIGHT, |canvas| {
        let below = axes::legend(canvas, &entries())?;
        let frame = axes::plot(canvas, below, HEIGHT, "posts a week")?;
        let highest = |week: &WeekSummary| week.posts_wanted.max(week.posts_target).max(parts(week).iter().sum());
        let most = weekly.iter().map(highest).fold(0.0, f64::max);
        if most <= 0.0 {
            return axes::nothing(canvas, frame, NOTHING);
        }
        let scale = Scale::holding(most, 5.0);
        let weeks = Weeks::new(simulation.provenance.start, weekly.len());
        scale.draw(canvas, frame, Lettering::NOTE)?;
        weeks.draw(canvas, frame, Lettering::NOTE)?;
        axes::across(canvas, frame, HEIGHT, "week beginning")?;
        for (index, week) in weekly.iter().enumerate() {
            let [drafted, blocked, late] = parts(week);
            let parts = [(drafted, BLUE), (blocked, VERMILLION), (late, PURPLE)];
            axes::stack(canvas, frame, scale, weeks.bar(frame, index), &parts)?;
        }
        canvas.dashes(&steps(weeks, frame, scale, weekly.iter().map(|week| week.posts_wanted)), 1.6, MUTED)?;
        canvas.line(&steps(weeks, frame, scale, weekly.iter().map(|week| week.posts_target)), 1.8, INK)
    })
}

fn entries() -> [(Key, &'static str); 5] {
    [
        (Key::Dashed(MUTED), "wanted by the rules"),
        (Key::Line(INK), "target after fatigue"),
        (Key::Patch(light(BLUE, 1.0)), "drafted"),
        (Key::Patch(light(VERMILLION, 1.0)), "blocked"),
        (Key::Patch(light(PURPLE, 1.0)), "refused or too late"),
    ]
}

/// Drafted, blocked, refused or too late: what planned posts come to.
fn parts(week: &WeekSummary) -> [f64; 3] {
    let rest = (week.posts_planned - week.posts_drafted - week.posts_blocked).max(0.0);
    [week.posts_drafted, week.posts_blocked, rest]
}

fn caption(weekly: &[WeekSummary]) -> String {
    let sum = |value: fn(&WeekSummary) -> f64| weekly.iter().map(value).sum::<f64>();
    let (wanted, target) = (sum(|week| week.posts_wanted), sum(|week| week.posts_target));
    let planned = sum(|week| week.posts_planned);
    if wanted <= 0.0 {
        return NOTHING.to_owned();
    }
    format!(
        "Fatigue lowered the {} posts wanted to a target of {} ({}); {} of that target found a place in a plan. \
         Where a bar stays below the line, hours or days ran out.",
        numbers::count(wanted),
        numbers::count(target),
        numbers::percent(numbers::share(target, wanted)),
        numbers::percent(numbers::share(planned, target)),
    )
}
