//! Drafts per week on each channel, compared with the number of posts that the rules wanted.

use super::axes::{self, Scale, Symbol, Weeks, alpha, step_line};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, INK, MUTED};
use super::posts::target_label;
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{ChannelSummary, ChannelWeek, Simulation, TargetChanges};

const PLOT_HEIGHT: f64 = 96.0;
const LEGEND_END: f64 = 64.0;

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let channels = &simulation.channels;
    let (frames, height) = axes::small_plots(channels.len(), LEGEND_END, PLOT_HEIGHT);
    let heading = Heading {
        name: "channel-posts",
        title: "Drafts per week by channel, against target".to_owned(),
        caption: caption(simulation),
    };
    heading.draw(height, |canvas| {
        axes::legend(canvas, &entries(simulation.target_changes()))?;
        for (channel, frame) in channels.iter().zip(frames) {
            let weekly: Vec<_> =
                simulation.channel_weeks.iter().filter(|week| week.channel == channel.channel).collect();
            let weeks = Weeks::new(simulation.provenance.start, weekly.len());
            panel(canvas, frame, channel, weeks, &weekly)?;
        }
        axes::common_x_label(canvas, height, "week beginning")
    })
}

fn entries(changes: TargetChanges) -> [(Symbol, &'static str); 3] {
    [
        (Symbol::Dashed(MUTED), "wanted by the rules"),
        (Symbol::Line(INK), target_label(changes)),
        (Symbol::Patch(alpha(BLUE, 1.0)), "drafts per week"),
    ]
}

fn panel(
    canvas: &Canvas,
    frame: Frame,
    channel: &ChannelSummary,
    weeks: Weeks,
    weekly: &[&ChannelWeek],
) -> Result<(), ReportError> {
    let highest = |week: &&ChannelWeek| week.posts_wanted.max(week.posts_target).max(week.posts_drafted);
    let scale = Scale::from_zero(weekly.iter().map(highest).fold(0.0, f64::max), 5.0);
    scale.draw_vertical(canvas, frame, LabelStyle::FINE)?;
    weeks.draw(canvas, frame, LabelStyle::FINE)?;
    let share = numbers::percent(numbers::share(channel.posts_drafted, channel.posts_wanted));
    let y = frame.top - 17.0;
    canvas.text((frame.left, y), channel.channel.name(), LabelStyle::HEADING)?;
    canvas.text((frame.right, y), &format!("{share} of wanted drafted"), LabelStyle::FINE.right_aligned())?;
    for (index, week) in weekly.iter().enumerate() {
        axes::stack(canvas, frame, scale, weeks.bar(frame, index), &[(week.posts_drafted, BLUE)])?;
    }
    canvas.dashes(&step_line(weeks, frame, scale, weekly.iter().map(|week| week.posts_wanted)), 1.3, MUTED)?;
    canvas.line(&step_line(weeks, frame, scale, weekly.iter().map(|week| week.posts_target)), 1.5, INK)
}

fn caption(simulation: &Simulation) -> String {
    let share = |channel: &ChannelSummary| numbers::share(channel.posts_drafted, channel.posts_wanted);
    let lowest = simulation
        .channels
        .iter()
        .filter_map(|channel| Some((channel, share(channel)?)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b));
    let Some((lowest, share)) = lowest else {
        let added = match simulation.channel_weeks.iter().any(|week| week.posts_target > 0.0) {
            true => "; the pack's weekly_posts function added the whole target",
            false => "",
        };
        return format!("The rules wanted no posts on any channel{added}.");
    };
    format!(
        "Each channel has its own scale. Furthest below the wanted number is {}, with {} drafted. \
         The gap between a bar and the line is posts that were planned but not drafted, or for which no hour was left \
         in which a post is allowed and earns more than it costs.",
        lowest.channel,
        numbers::percent(Some(share)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn posts_that_only_a_function_added_are_not_called_unwanted() {
        let mut simulation = sample::simulation();
        simulation.channels.iter_mut().for_each(|channel| channel.posts_wanted = 0.0);
        let added =
            "The rules wanted no posts on any channel; the pack's weekly_posts function added the whole target.";
        assert_eq!(caption(&simulation), added);
        simulation.channel_weeks.iter_mut().for_each(|week| week.posts_target = 0.0);
        assert_eq!(caption(&simulation), "The rules wanted no posts on any channel.");
    }
}
