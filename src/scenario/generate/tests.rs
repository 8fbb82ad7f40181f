//! Generated scenarios are reproducible and valid, and their posts are drawn from the truth that is written with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::calibration::calibrate;
use crate::model::{HOUR_BINS, NOISE_PERCENTS, Severity, WorldParameter, WorldRow};
use crate::scenario::tests::{policy, write_folder};
use crate::scenario::{read, read_rows, render_truth, scenario_histories};

fn options(clients: u32, seed: u64) -> GenerateOptions {
    GenerateOptions {
        clients,
        seed,
        weeks: 12,
        history_days: DEFAULT_HISTORY_DAYS,
        start: "2026-W37".parse().unwrap(),
        name: "invented".to_owned(),
    }
}

fn file_contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |entry: &std::fs::DirEntry| entry.file_name().into_string().unwrap();
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (name(&entry), std::fs::read(entry.path()).unwrap()))
        .collect()
}

fn written(options: &GenerateOptions) -> BTreeMap<String, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("scenario");
    write_folder(&folder, &generate(options).unwrap().files);
    file_contents(&folder)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_other_bytes() {
    assert!(written(&options(5, 1)) == written(&options(5, 1)));
    assert!(written(&options(5, 1)) != written(&options(5, 2)));
}

#[test]
fn more_clients_do_not_change_the_first_ones() {
    let (few, many) = (generate(&options(3, 9)).unwrap().files, generate(&options(6, 9)).unwrap().files);
    assert_eq!(few.clients, many.clients[..3]);
    assert_eq!(few.assets, many.assets[..few.assets.len()]);
    assert_eq!(few.history, many.history[..few.history.len()]);
}

#[test]
fn a_generated_scenario_can_be_read() {
    let files = generate(&options(60, 3)).unwrap().files;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("scenario");
    write_folder(&folder, &files);
    let scenario = read(&folder, &policy()).unwrap_or_else(|errors| panic!("{errors}"));
    let channels: usize = scenario.clients.iter().map(|(_, state)| state.channels.len()).sum();
    let assets: usize = scenario.clients.iter().map(|(client, _)| client.assets.len()).sum();
    let posts: usize =
        scenario.clients.iter().flat_map(|(_, state)| &state.channels).map(|channel| channel.recent_posts.len()).sum();
    assert_eq!((channels, assets), (files.channels.len(), files.assets.len()));
    assert_eq!(posts, files.history.len());
    for channel in scenario.clients.iter().flat_map(|(_, state)| &state.channels) {
        assert_eq!(channel.recent_posts.len(), channel.posts_last_30_days as usize);
        assert!(channel.fatigue.get() <= 0.5);
    }
}

#[test]
fn a_thousand_clients_have_the_documented_distribution() {
    let files = generate(&options(1000, 1)).unwrap().files;
    let mut channels: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &files.channels {
        *channels.entry(row.client_id.as_str()).or_default() += 1;
    }
    let with_nine = channels.values().filter(|count| **count == 9).count();
    assert!((550..650).contains(&with_nine), "{with_nine}");
    assert!(channels.values().all(|count| (4..=9).contains(count)));
    let workspaces: BTreeSet<_> = files.clients.iter().map(|row| &row.workspace_id).collect();
    assert_eq!(workspaces.len(), 40);
    let high = files.warnings.iter().filter(|row| row.severity == Severity::High).count();
    assert!((8..40).contains(&high), "{high}");
    let mut assets: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &files.assets {
        *assets.entry(row.client_id.as_str()).or_default() += 1;
        assert!((1..=5).contains(&row.channels.len()), "{}", row.asset_id);
    }
    assert!(assets.values().all(|count| (24..=40).contains(count)));
    assert!(files.assets.iter().any(|row| row.evolution_step == 2));
}

#[test]
fn zero_clients_or_weeks_are_rejected() {
    assert!(generate(&options(0, 1)).is_err());
    assert!(generate(&GenerateOptions { weeks: 0, ..options(1, 1) }).is_err());
    assert!(generate(&GenerateOptions { history_days: 0, ..options(1, 1) }).is_err());
}

/// Number of 90 % intervals of a kind of parameter, and number of those that contain the truth.
#[derive(Debug, Default)]
struct IntervalCoverage {
    intervals: u32,
    covering: u32,
}

impl IntervalCoverage {
    fn share(&self) -> f64 {
        f64::from(self.covering) / f64::from(self.intervals)
    }
}

/// Writes a generated scenario and its truth, calibrates the scenario as `mcoe calibrate` does, and counts the
/// intervals that contain the truth, for channels with measured posts.
fn interval_coverage(options: &GenerateOptions) -> BTreeMap<&'static str, IntervalCoverage> {
    let generated = generate(options).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("scenario");
    write_folder(&folder, &generated.files);
    let (name, bytes) = render_truth(&generated.truth).unwrap();
    let truth = folder.join(name);
    std::fs::create_dir(truth.parent().unwrap()).unwrap();
    std::fs::write(&truth, bytes).unwrap();
    let scenario = read(&folder, &policy()).unwrap_or_else(|errors| panic!("{errors}"));
    let calibration = calibrate(&scenario_histories(&folder, &scenario).unwrap()).unwrap();
    let mut coverage: BTreeMap<&str, IntervalCoverage> = BTreeMap::new();
    for row in read_rows::<WorldRow>(&truth).unwrap() {
        let kind = match row.parameter {
            WorldParameter::Level => "levels",
            WorldParameter::Hours(_) => "hours",
            WorldParameter::Weekday(_) => "weekdays",
            WorldParameter::ResponseStrength => "response strengths",
            _ => continue,
        };
        let account = calibration.account(&row.client_id, row.channel).unwrap();
        if account.measured > 0 {
            let [low, high] = account.get(&row.parameter).unwrap().estimate.interval();
            let counts = coverage.entry(kind).or_default();
            counts.intervals += 1;
            counts.covering += u32::from((low..=high).contains(&row.value));
        }
    }
    coverage
}

#[test]
fn a_calibration_of_a_generated_history_finds_its_truth() {
    // Accounts on a channel share the error of the channel's effects, so one scenario with 9 channels says little.
    let mut total: BTreeMap<&str, IntervalCoverage> = BTreeMap::new();
    for seed in 1..=6 {
        for (kind, coverage) in interval_coverage(&GenerateOptions { history_days: 365, ..options(25, seed) }) {
            let counts = total.entry(kind).or_default();
            counts.intervals += coverage.intervals;
            counts.covering += coverage.covering;
        }
    }
    for (kind, expected) in [
        ("levels", 0.85..=0.95),
        ("hours", 0.85..=0.95),
        ("weekdays", 0.85..=0.95),
        // These intervals are too wide: no true response is below 0, but the calibration's prior is not truncated
        // there.
        ("response strengths", 0.85..=0.98),
    ] {
        let coverage = &total[kind];
        assert!(expected.contains(&coverage.share()), "{kind}: {} of {coverage:?}", coverage.share());
    }
}

#[test]
fn the_truth_lists_every_parameter_of_every_channel() {
    let generated = generate(&options(4, 5)).unwrap();
    assert_eq!(generated.truth.len(), generated.files.channels.len());
    for (truth, channel) in generated.truth.iter().zip(&generated.files.channels) {
        let rows: Vec<WorldRow> = truth.rows().collect();
        assert!(rows.iter().all(|row| row.client_id == channel.client_id && row.channel == channel.channel));
        assert!(rows.iter().all(|row| row.standard_error == 0.0 && row.value >= 0.0 && row.value.is_finite()));
        let parameters: BTreeSet<_> = rows.iter().map(|row| &row.parameter).collect();
        // Level, response, half-life and four standard deviations; hours, weekdays, content types, noise percentiles.
        assert_eq!(parameters.len(), 7 + HOUR_BINS + 7 + 6 + NOISE_PERCENTS.len());
    }
}

#[test]
fn a_longer_history_has_older_posts_with_known_kinds() {
    let files = generate(&GenerateOptions { history_days: 200, ..options(3, 2) }).unwrap().files;
    let oldest = files.history.iter().map(|row| row.published_at).min().unwrap();
    let start = Timestamp::at_midnight(files.manifest.start.monday());
    assert!((180..=201).contains(&((start.as_second() - oldest.as_second()) / DAY_SECONDS)));
    let old = files.history.iter().filter(|row| row.published_at < start.plus_days(-70));
    let (with_kind, without_kind): (Vec<_>, Vec<_>) = old.partition(|row| row.content_type.is_some());
    assert!(with_kind.len() > without_kind.len() && !without_kind.is_empty());
    assert!(with_kind.iter().all(|row| row.asset_id.is_none()));
}
