//! Overlays of a rules pack from a calibration: the values that an account's data supports, each with its interval.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::File;
use super::ics::file_name;
use crate::calibration::{AccountCalibration, Calibration, ParameterEstimate};
use crate::model::digits::rounded;
use crate::model::{ClientId, HOUR_BINS, HOURS_PER_BIN, WorldParameter};
use crate::rules::{DAYS, Placeholder, Rules};

/// When an overlay states that an account has no best hour, rather than leaving its hours to the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoBestHour {
    /// Minimum number of measured posts.
    pub min_posts: u32,
    /// Minimum number of days from the first to the last of these posts.
    pub min_days: u32,
}

impl Default for NoBestHour {
    fn default() -> Self {
        Self { min_posts: 30, min_days: 56 }
    }
}

impl NoBestHour {
    fn may_be_stated(self, account: &AccountCalibration) -> bool {
        let span = account.posts.first().zip(account.posts.last());
        let days = span.map_or(0, |(first, last)| (last.at.as_second() - first.at.as_second()) / 86_400);
        account.measured >= self.min_posts as usize && days >= i64::from(self.min_days)
    }
}

/// One overlay for each client whose data supports a value, as `overlays/calibrated-….toml`.
pub fn overlays(calibration: &Calibration, rules: &Rules, no_best_hour: NoBestHour) -> Vec<File> {
    let mut clients: BTreeMap<&ClientId, Vec<&AccountCalibration>> = BTreeMap::new();
    for account in &calibration.accounts {
        clients.entry(&account.history.account).or_default().push(account);
    }
    let overlay = |(client, accounts): (&ClientId, Vec<&AccountCalibration>)| {
        let tables: String = accounts.into_iter().map(|account| table(account, rules, no_best_hour)).collect();
        let name = format!("overlays/calibrated-{}.toml", file_name(client.as_str()));
        (!tables.is_empty()).then(|| (name, format!("{}{tables}", head(client, calibration)).into_bytes()))
    };
    clients.into_iter().filter_map(overlay).collect()
}

fn head(client: &ClientId, calibration: &Calibration) -> String {
    let scope = toml::Value::from(client.as_str());
    format!(
        "# Calibrated from posts until {}. Ranges are 90 % intervals. Values that the data does not support \
         are left to the pack.\n\
         scope = {{ client = {} }}\n",
        calibration.until.date(),
        scope
    )
}

/// The table of a channel; empty if the data supports no value.
fn table(account: &AccountCalibration, rules: &Rules, no_best_hour: NoBestHour) -> String {
    let mut lines = hour_lines(account, no_best_hour);
    lines.push_str(&weekday_lines(account));
    lines.push_str(&content_type_lines(account));
    lines.push_str(&load_lines(account, rules));
    if lines.is_empty() {
        return lines;
    }
    let channel = account.history.channel;
    format!("\n[channels.{channel}]   # {} measured posts\n{lines}", account.measured)
}

fn hour_lines(account: &AccountCalibration, no_best_hour: NoBestHour) -> String {
    let best: Vec<(usize, &ParameterEstimate)> = (0..HOUR_BINS)
        .filter_map(|bin| Some((bin, account.get(&WorldParameter::Hours(bin))?)))
        .filter(|(_, hours)| hours.is_detectable && hours.estimate.value > 1.0)
        .collect();
    if best.is_empty() {
        let line = if no_best_hour.may_be_stated(account) { "hour_lift = 1   # no detectable best hour\n" } else { "" };
        return line.to_owned();
    }
    let starts = best.iter().flat_map(|(bin, _)| {
        let first = *bin as u32 * HOURS_PER_BIN;
        first..first + HOURS_PER_BIN
    });
    let list = starts.map(|hour| hour.to_string()).collect::<Vec<_>>().join(", ");
    let mean = |value: fn(&ParameterEstimate) -> f64| {
        best.iter().map(|(_, hours)| value(hours)).sum::<f64>() / best.len() as f64
    };
    let lift = mean(|hours| hours.estimate.value);
    let [low, high] = [mean(|hours| hours.estimate.interval()[0]), mean(|hours| hours.estimate.interval()[1])];
    let posts = posts_at(account, |hour| best.iter().any(|(bin, _)| *bin == hour / HOURS_PER_BIN as usize));
    format!(
        "best_hours = {{ weekday = [{list}], weekend = [{list}] }}\n\
         hour_lift = {}   # {} to {}, {posts} posts in these hours\n",
        three_decimals(lift),
        three_decimals(low),
        three_decimals(high)
    )
}

/// Number of posts at the hours of the day that `is_included` selects.
fn posts_at(account: &AccountCalibration, is_included: impl Fn(usize) -> bool) -> usize {
    use chrono::Timelike as _;
    let hour = |at| account.history.zone.wall_time(at).hour() as usize;
    account.posts.iter().filter(|post| is_included(hour(post.at))).count()
}

fn weekday_lines(account: &AccountCalibration) -> String {
    let mut lines = String::new();
    for (index, day) in DAYS.iter().enumerate() {
        let Some(weight) = account.get(&WorldParameter::Weekday(index)).filter(|weight| weight.is_detectable) else {
            continue;
        };
        push_value(&mut lines, &format!("weekday_weights.{day}"), weight, account.measured);
    }
    lines
}

fn content_type_lines(account: &AccountCalibration) -> String {
    let mut lines = String::new();
    for factor in account.parameters.iter().filter(|parameter| parameter.is_detectable) {
        let WorldParameter::ContentType(name) = &factor.estimate.parameter else { continue };
        if Placeholder::ContentType.allows(name) {
            push_value(&mut lines, &format!("content_types.{}", toml_key(name)), factor, account.measured);
        }
    }
    lines
}

/// A name as a key of TOML, in quotes if it needs them.
fn toml_key(name: &str) -> String {
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_owned() } else { toml::Value::from(name).to_string() }
}

/// The lines of the response to load, if it is detectable.
fn load_lines(account: &AccountCalibration, rules: &Rules) -> String {
    let mut lines = String::new();
    let detectable = |parameter: &WorldParameter| account.get(parameter).filter(|estimate| estimate.is_detectable);
    let Some(strength) = detectable(&WorldParameter::ResponseStrength) else { return lines };
    push_value(&mut lines, "response_strength", strength, account.measured);
    if let Some(half_life) = detectable(&WorldParameter::HalfLifeHours) {
        push_value(&mut lines, "half_life_hours", half_life, account.measured);
    }
    let channel = rules.channel(account.history.channel);
    // With this value, fatigue is `warn_at` at the usual load and one more post.
    let max_fatigue_per_post = rules.fatigue.warn_at / (account.usual_load + 1.0);
    if max_fatigue_per_post < channel.fatigue_per_post {
        // Writing to a string cannot fail.
        let _ = writeln!(
            lines,
            "fatigue_per_post = {}   # so that the account's usual load of {} posts stays below `warn_at`",
            rounded(max_fatigue_per_post, 4),
            rounded(account.usual_load, 1)
        );
    }
    lines
}

fn push_value(lines: &mut String, key: &str, parameter: &ParameterEstimate, posts: usize) {
    let [low, high] = parameter.estimate.interval();
    // Writing to a string cannot fail.
    let _ = writeln!(
        lines,
        "{key} = {}   # {} to {}, {posts} posts, based mainly on {}",
        three_decimals(parameter.estimate.value),
        three_decimals(low),
        three_decimals(high),
        source_text(parameter)
    );
}

fn source_text(parameter: &ParameterEstimate) -> &'static str {
    use crate::model::EstimateSource;
    match parameter.estimate.source {
        EstimateSource::Data => "the account's own data",
        EstimateSource::Channel => "all accounts on the channel",
        EstimateSource::Prior => "the prior",
        EstimateSource::Pack => "the pack",
    }
}

fn three_decimals(number: f64) -> String {
    rounded(number, 3).to_string()
}
