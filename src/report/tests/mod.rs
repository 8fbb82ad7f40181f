//! Tests of whole reports, and the samples that all tests of reports use.

pub mod sample;

use super::*;
use crate::model::WorldParameter;
use crate::rules::{CompiledRules, PackFiles, load};

fn simulation_report(simulation: &Simulation) -> Vec<File> {
    let command = "mcoe simulate scenarios/agency --weeks 12 --replications 20 --seed 7 --out reports/agency";
    render(&RunReport { simulation, command, tables: TableFormat::Csv }).unwrap()
}

fn comparison_report(comparison: &Comparison) -> Vec<File> {
    let command = "mcoe compare scenarios/agency --rules rules --against bold --out reports/bold";
    render_comparison(&ComparisonReport { comparison, command, tables: TableFormat::Csv }).unwrap()
}

fn sweep_report(sweep: &Sweep) -> Vec<File> {
    let command = "mcoe rules sweep scenarios/agency --set fatigue.warn_at=0.4,0.5 --out reports/sweep";
    render_sweep(&SweepReport { sweep, command, tables: TableFormat::Csv }).unwrap()
}

fn backtest_report(backtest: &Backtest) -> Vec<File> {
    let command = "mcoe backtest posts.csv --cuts 6 --horizon 1,4 --draws 1000 --seed 1 --out reports/backtest";
    let options = BacktestOptions::default();
    let tables = TableFormat::Csv;
    render_backtest(&BacktestReport { backtest, options: &options, history: "posts.csv", command, tables }).unwrap()
}

#[test]
fn a_backtest_has_the_files_that_its_readers_expect_and_always_the_same_bytes() {
    let backtest = sample::backtest();
    let files = backtest_report(&backtest);
    assert!(files == backtest_report(&backtest));
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    for path in ["index.html", "summary.md", "figures/backtest-pit.svg", "tables/predictions.csv", "tables/scores.csv"]
    {
        assert!(paths.contains(&path), "{paths:?}");
    }
    let summary = files.iter().find(|(path, _)| path == "summary.md").map(|(_, bytes)| String::from_utf8_lossy(bytes));
    insta::assert_snapshot!(summary.unwrap());
}

/// The default pack's TOML files and scripts.
fn default_pack() -> PackFiles {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let name = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect()
}

fn calibration_report(calibration: &Calibration, previous: Option<&[WorldRow]>) -> Vec<File> {
    let rules = CompiledRules::compile(load(default_pack()).unwrap()).unwrap().base();
    let command = "mcoe calibrate posts.csv --rules rules --out reports/calibration";
    let (no_best_hour, history, tables) = (NoBestHour::default(), "posts.csv", TableFormat::Csv);
    let report = CalibrationReport { calibration, previous, rules: &rules, no_best_hour, history, command, tables };
    render_calibration(&report).unwrap()
}

fn text_of(files: &[File], path: &str) -> String {
    let (_, bytes) = files.iter().find(|(name, _)| name == path).unwrap_or_else(|| panic!("{path} is missing"));
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn a_calibration_has_the_files_that_its_readers_expect_and_always_the_same_bytes() {
    let calibration = sample::calibration();
    let files = calibration_report(&calibration, None);
    assert!(files == calibration_report(&calibration, None));
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    for path in ["index.html", "figures/calibration-levels.svg", "tables/parameters.csv", "tables/response.csv"] {
        assert!(paths.contains(&path), "{paths:?}");
    }
    insta::assert_snapshot!(text_of(&files, "summary.md"));
    let sentences = calibration_sentences(&calibration);
    assert!(sentences.iter().all(|sentence| !sentence.contains('`') && sentence.ends_with('.')));
}

#[test]
fn an_overlay_of_a_calibration_holds_what_the_data_supports_and_is_a_valid_overlay() {
    let files = calibration_report(&sample::calibration(), None);
    let overlay = text_of(&files, "overlays/calibrated-tea.toml");
    let mut pack = default_pack();
    pack.insert("overlays/calibrated-tea.toml".to_owned(), overlay.clone());
    assert!(load(pack).is_ok(), "{overlay}");
    insta::assert_snapshot!(overlay);
}

#[test]
fn a_calibration_is_compared_with_an_earlier_one() {
    let calibration = sample::calibration();
    let mut rows: Vec<WorldRow> = calibration.accounts.iter().flat_map(|account| account.world()).collect();
    let unchanged = text_of(&calibration_report(&calibration, Some(&rows)), "summary.md");
    assert!(unchanged.contains("No parameter changed by more than"), "{unchanged}");
    rows.iter_mut().filter(|row| row.parameter == WorldParameter::Level).take(1).for_each(|row| row.value *= 9.0);
    let changed = text_of(&calibration_report(&calibration, Some(&rows)), "summary.md");
    assert!(changed.contains("Parameters that changed"), "{changed}");
}

#[test]
fn a_sweep_has_the_files_that_its_readers_expect_and_always_the_same_bytes() {
    let (_, sweep) = sample::sweeps().remove(0);
    let files = sweep_report(&sweep);
    assert!(files == sweep_report(&sweep));
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    for path in
        ["index.html", "summary.md", "figures/sweep-frontier.svg", "figures/sweep-keys.png", "tables/points.csv"]
    {
        assert!(paths.contains(&path), "{paths:?}");
    }
    assert!(sweep_sentences(&sweep).iter().all(|sentence| !sentence.contains('`') && sentence.ends_with('.')));
}

#[test]
fn a_comparison_has_the_files_that_its_readers_expect_and_always_the_same_bytes() {
    let (_, comparison) = sample::comparisons().remove(0);
    let files = comparison_report(&comparison);
    assert!(files == comparison_report(&comparison));
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    for path in ["index.html", "summary.md", "figures/difference-weeks.svg", "tables/differences.csv"] {
        assert!(paths.contains(&path), "{paths:?}");
    }
}

#[test]
fn a_verdict_in_plain_text_has_no_backticks() {
    for (case, comparison) in sample::comparisons() {
        let sentences = verdicts(&comparison);
        assert_eq!(sentences.len(), comparison.versus.len(), "{case}");
        assert!(sentences.iter().all(|sentence| !sentence.contains('`') && sentence.ends_with('.')), "{sentences:?}");
    }
}

#[test]
fn the_same_simulation_gives_the_same_bytes() {
    let simulation = sample::simulation();
    for tables in [TableFormat::Csv, TableFormat::Parquet] {
        let report = RunReport { simulation: &simulation, command: "mcoe simulate", tables };
        assert!(render(&report).unwrap() == render(&report).unwrap());
    }
}

#[test]
fn no_report_shows_an_invalid_number() {
    let runs = sample::variants().into_iter().map(|(case, run)| (case, simulation_report(&run)));
    let comparisons = sample::comparisons().into_iter().map(|(case, run)| (case, comparison_report(&run)));
    let sweeps = sample::sweeps().into_iter().map(|(case, run)| (case, sweep_report(&run)));
    let backtests = sample::backtests().into_iter().map(|(case, run)| (case, backtest_report(&run)));
    let calibrations = sample::calibrations().into_iter().map(|(case, run)| (case, calibration_report(&run, None)));
    for (case, files) in runs.chain(comparisons).chain(sweeps).chain(backtests).chain(calibrations) {
        for (path, bytes) in files {
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            for bad in ["NaN", "Infinity", ">inf<", "-inf ", " inf ", " inf.", ",inf,"] {
                assert!(!text.contains(bad), "{case}: {path} shows `{bad}`");
            }
        }
    }
}

#[test]
fn a_report_holds_the_files_that_its_readers_expect() {
    let paths: Vec<String> = simulation_report(&sample::simulation()).into_iter().map(|(path, _)| path).collect();
    insta::assert_snapshot!(paths.join("\n"));
}
