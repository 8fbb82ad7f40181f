//! The level over time, with its 90 % interval, of the accounts with the most posts.

use chrono::NaiveDate;

use super::axes::{self, Scale, Symbol, alpha};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::BLUE;
use super::{Figure, Heading};
use crate::calibration::{AccountCalibration, Calibration, PostResidual};
use crate::report::ReportError;
use crate::stats::normal_quantile;

const PLOT_HEIGHT: f64 = 130.0;

/// Vertical position where the legend ends.
const LEGEND_END: f64 = 64.0;

/// Maximum number of accounts that are drawn.
const MAX_ACCOUNTS: usize = 6;

/// Maximum number of posts that a line is drawn through, besides the last one.
const MAX_POINTS: usize = 160;

/// Draws the figure.
pub fn draw(calibration: &Calibration) -> Result<Figure, ReportError> {
    let accounts = largest_accounts(calibration);
    let (frames, height) = axes::small_plots(accounts.len(), LEGEND_END, PLOT_HEIGHT);
    let heading = Heading {
        name: "calibration-levels",
        title: "Level of the accounts with the most posts".to_owned(),
        caption: caption(&accounts),
    };
    heading.draw(height, |canvas| {
        let entries = [
            (Symbol::Line(BLUE), "engagements of a median post to a rested audience"),
            (Symbol::Patch(alpha(BLUE, 0.25)), "its 90\u{a0}% interval"),
        ];
        axes::legend(canvas, &entries)?;
        accounts.iter().zip(frames).try_for_each(|(account, frame)| panel(canvas, frame, account))
    })
}

/// The accounts with the most measured posts; each has at least two.
fn largest_accounts(calibration: &Calibration) -> Vec<&AccountCalibration> {
    let mut accounts: Vec<_> = calibration.accounts.iter().filter(|account| account.posts.len() > 1).collect();
    accounts.sort_by_key(|account| std::cmp::Reverse(account.posts.len()));
    accounts.truncate(MAX_ACCOUNTS);
    accounts
}

/// Draws the level of one account.
fn panel(canvas: &Canvas, frame: Frame, account: &AccountCalibration) -> Result<(), ReportError> {
    let step = account.posts.len().div_ceil(MAX_POINTS).max(1);
    let last = account.posts.iter().rev().take(1);
    let posts: Vec<&PostResidual> = account.posts.iter().step_by(step).chain(last).collect();
    let engagements = |post: &PostResidual, sds: f64| libm::expm1(post.log_level + sds * post.log_level_sd).max(0.0);
    let edge_sds = normal_quantile(0.95);
    let highest = posts.iter().map(|post| engagements(post, edge_sds)).fold(0.0, f64::max);
    let scale = Scale::from_zero(highest, 3.0);
    scale.draw_vertical(canvas, frame, LabelStyle::FINE)?;
    let seconds = |post: &PostResidual| post.at.as_second() as f64;
    let (Some(start), Some(end)) = (posts.first().map(|post| seconds(post)), posts.last().map(|post| seconds(post)))
    else {
        return Ok(());
    };
    let x = |post: &PostResidual| frame.left + frame.width() * (seconds(post) - start) / (end - start).max(1.0);
    let line = |sds: f64| -> Vec<(f64, f64)> {
        posts.iter().map(|post| (x(post), scale.y(frame, engagements(post, sds)))).collect()
    };
    axes::band(canvas, &line(-edge_sds), &line(edge_sds), alpha(BLUE, 0.25))?;
    canvas.line(&line(0.0), 1.6, BLUE)?;
    let name = format!("{}, {}", account.history.account, account.history.channel);
    let style = LabelStyle::HEADING;
    canvas.text((frame.left, frame.top - 17.0), &style.shortened(&name, frame.width()), style)?;
    let date = |post: Option<&&PostResidual>| post.map_or_else(String::new, |post| day(post.at.date()));
    let y = frame.bottom + 14.0;
    canvas.text((frame.left, y), &date(posts.first()), LabelStyle::FINE)?;
    canvas.text((frame.right, y), &date(posts.last()), LabelStyle::FINE.right_aligned())
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b %Y").to_string()
}

fn caption(accounts: &[&AccountCalibration]) -> String {
    if accounts.is_empty() {
        return "No account has two measured posts.".to_owned();
    }
    "Each point is estimated from the posts up to that date. Half of the posts earn more than the line; the mean is above \
     it."
        .to_owned()
}
