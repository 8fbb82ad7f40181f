//! Reads the manifest and tables of a scenario folder into one validated scenario.

use std::path::Path;

use super::error::{ScenarioError, ScenarioErrors};
use super::table_file::{self, FileKind};
use crate::diagnostic::{Diagnostic, Diagnostics, TableLocation};
use crate::files;
use crate::model::{Client, ClientState, Policy, Scenario};
use crate::rules::CompiledRules;
use crate::tables::{self, MANIFEST_FILE, Manifest, ScenarioHasher, ScenarioTable, ScenarioTables, Table, TableSpec};

/// Maximum size of `scenario.toml`, in bytes.
pub(super) const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// Maximum size of a table, in bytes. Reading it takes several times as much memory.
pub(super) const MAX_TABLE_BYTES: u64 = 2 << 30;

/// Reads the scenario in a folder. Clients without a row in `policies` get `default_policy`.
///
/// # Errors
/// As for [`read_with_warnings`], which also returns warnings.
pub fn read(dir: &Path, default_policy: &Policy) -> Result<Scenario, ScenarioErrors> {
    read_with_warnings(dir, default_policy).map(|(scenario, _)| scenario)
}

/// Reads the scenario in a folder, and returns warnings about values that are valid but probably unintended.
///
/// Every file and every row is checked, even after errors.
///
/// # Errors
/// Files that cannot be read, and every error in the manifest and the tables with its location, cause and remedy.
pub fn read_with_warnings(dir: &Path, default_policy: &Policy) -> Result<(Scenario, Vec<Diagnostic>), ScenarioErrors> {
    read_checked(dir, default_policy, |_| Vec::new())
}

/// As [`read_with_warnings`], with the pack's default policy. The numbers that the scenario sets for limits must fit the
/// pack.
///
/// # Errors
/// As for [`read_with_warnings`], and every number that does not fit the pack or makes hard limits contradict each other.
pub fn read_under(dir: &Path, rules: &CompiledRules) -> Result<(Scenario, Vec<Diagnostic>), ScenarioErrors> {
    let check = |clients: &[(Client, ClientState)]| {
        rules.pack().mistakes_in_limit_numbers(clients.iter().map(|(client, _)| client))
    };
    read_checked(dir, &rules.base().risk.default_policy, check)
}

/// Reads a scenario, and adds the mistakes that `check` finds in its clients to the errors.
fn read_checked(
    dir: &Path,
    default_policy: &Policy,
    check: impl Fn(&[(Client, ClientState)]) -> Vec<Diagnostic>,
) -> Result<(Scenario, Vec<Diagnostic>), ScenarioErrors> {
    let FolderTables { manifest, hash, tables, file_errors: mut errors, mut diagnostics } = read_folder(dir)?;
    let clients = tables::clients(&tables, manifest.start, manifest.default_zone, default_policy, &mut diagnostics);
    errors.extend(diagnostics.errors.into_iter().chain(check(&clients)).map(ScenarioError::from));
    match ScenarioErrors::from_list(errors) {
        Some(errors) => Err(errors),
        None => Ok((manifest.into_scenario(hash, clients), diagnostics.warnings)),
    }
}

/// The manifest and the tables of a scenario folder as text, before clients are made of them.
pub(super) struct FolderTables {
    pub manifest: Manifest,
    /// The scenario's hash, if there are no errors.
    pub hash: String,
    pub tables: ScenarioTables,
    /// Files that cannot be read.
    pub file_errors: Vec<ScenarioError>,
    /// Errors in the tables, in their order.
    pub diagnostics: Diagnostics,
}

/// Reads the tables of a scenario folder one after another, so that only one file's bytes are in memory at a time.
pub(super) fn read_folder(dir: &Path) -> Result<FolderTables, ScenarioErrors> {
    let path = dir.join(MANIFEST_FILE);
    let text = files::read_text(&path, MAX_MANIFEST_BYTES).map_err(|source| ScenarioError::Read { path, source })?;
    let manifest = Manifest::parse(MANIFEST_FILE, &text)?;
    let mut hasher = ScenarioHasher::new(&text);
    let (mut tables, mut file_errors, mut diagnostics) =
        (ScenarioTables::default(), Vec::new(), Diagnostics::default());
    for (table, file) in &manifest.files {
        let path = dir.join(file);
        let rows = match files::read(&path, MAX_TABLE_BYTES) {
            Ok(bytes) => {
                hasher.begin_table(table, file, bytes.len() as u64);
                hasher.update(&bytes);
                read_table(table, file, bytes, &mut diagnostics.errors)
            }
            Err(source) => {
                file_errors.push(ScenarioError::Read { path, source });
                None
            }
        };
        match rows {
            Some(rows) => drop(tables.tables.insert(table.clone(), rows)),
            None => tables.unreadable.push(table.clone()),
        }
    }
    Ok(FolderTables { manifest, hash: hasher.finish(), tables, file_errors, diagnostics })
}

/// Reads one table; `None` if no row can be read.
fn read_table(table: &str, file: &str, bytes: Vec<u8>, errors: &mut Vec<Diagnostic>) -> Option<Table> {
    let (Some(known), Some(kind)) = (ScenarioTable::named(table), FileKind::of(file)) else {
        let cause = format!("`{file}` is not a known table");
        let remedy = "name a table of the scenario, in a `.csv` or `.parquet` file";
        let (file, column, value) = (MANIFEST_FILE.into(), table.to_owned(), file.to_owned());
        let place = TableLocation { file, column, value, ..TableLocation::default() };
        errors.push(Diagnostic::new("unknown_table", place, cause, remedy));
        return None;
    };
    let spec = TableSpec { columns: known.columns(), ignore_unknown: false };
    table_file::read(file, kind, bytes, &spec, errors)
}

#[cfg(test)]
mod tests {
    use crate::model::Timestamp;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::diagnostic::Place;
    use crate::model::{Channel, ClientState, ClientStatus};
    use crate::scenario::tests::{assert_parts_agree, policy};

    fn shipped(name: &str) -> Scenario {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
        read(&dir, &policy()).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// The small scenario with some of its tables replaced, in a separate folder.
    fn small_with(tables: &[(&str, &str)]) -> Result<Scenario, ScenarioErrors> {
        let dir = tempfile::tempdir().unwrap();
        let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/small");
        for entry in fs::read_dir(small).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        for (table, text) in tables {
            fs::write(dir.path().join(format!("{table}.csv")), text).unwrap();
        }
        assert_parts_agree(dir.path());
        read(dir.path(), &policy())
    }

    fn small_table(table: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/small/{table}.csv"));
        fs::read_to_string(path).unwrap()
    }

    /// The errors of the small scenario after one change of a table's text.
    fn errors_after(table: &str, old: &str, new: &str) -> Vec<Diagnostic> {
        let text = small_table(table);
        assert!(text.contains(old), "{table} has no `{old}`");
        let errors = small_with(&[(table, &text.replacen(old, new, 1))]).expect_err(new);
        errors
            .iter()
            .map(|error| match error {
                ScenarioError::Invalid(diagnostic) => diagnostic.as_ref().clone(),
                other => panic!("{other}"),
            })
            .collect()
    }

    fn state<'s>(scenario: &'s Scenario, client: &str) -> &'s ClientState {
        &scenario.clients.iter().find(|(other, _)| other.id.as_str() == client).unwrap().1
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_agency_scenario_has_twelve_clients_and_nine_channels() {
        let scenario = shipped("agency");
        assert_eq!((scenario.clients.len(), scenario.weeks), (12, 12));
        assert_eq!(scenario.start.to_string(), "2026-W37");
        let channels = |state: &ClientState| state.channels.iter().map(|state| state.channel).collect::<Vec<_>>();
        let all: BTreeSet<Channel> = scenario.clients.iter().flat_map(|(_, state)| channels(state)).collect();
        assert_eq!(all.len(), Channel::COUNT);
        assert!(scenario.clients.iter().all(|(_, state)| (5..=9).contains(&state.channels.len())));
        let zones: BTreeSet<_> = scenario.clients.iter().map(|(client, _)| client.zone.name()).collect();
        assert_eq!(zones.into_iter().collect::<Vec<_>>(), ["America/New_York", "Australia/Sydney", "Europe/London"]);
        let workspaces: BTreeSet<_> = scenario.clients.iter().map(|(client, _)| &client.workspace_id).collect();
        assert_eq!(workspaces.len(), 3);
        assert!(scenario.clients.iter().any(|(client, _)| client.status == ClientStatus::Onboarding));
        assert!(scenario.clients.iter().any(|(client, _)| !client.policy.agent_enabled));
        assert!(scenario.clients.iter().any(|(client, _)| client.assets.len() < 10));
        for (client, state) in &scenario.clients {
            for channel in &state.channels {
                let counted = channel.recent_posts.iter().filter(|at| **at < channel.as_of).count();
                assert_eq!(counted, channel.posts_last_30_days as usize, "{} {}", client.id, channel.channel);
            }
        }
    }

    #[test]
    fn the_small_scenario_is_read_completely() {
        let scenario = shipped("small");
        let (tea, tea_state) = &scenario.clients[0];
        assert_eq!((tea.id.as_str(), tea.name.as_ref(), tea.priority), ("kettle-lane", "Kettle Lane Tea", 60.0));
        assert_eq!(tea.policy.max_actions_per_day, 8);
        assert_eq!(tea.calendar.iter().map(|day| day.name.as_ref()).collect::<Vec<_>>(), ["Shop day", "Halloween"]);
        assert_eq!(tea_state.reality.as_ref().unwrap().as_of, time("2026-10-12T00:00:00Z"));
        assert_eq!(tea_state.asset_uses.len(), 6);
        assert_eq!(tea_state.channels[0].as_of, time("2026-10-18T23:00:00Z"));
        let (repair, repair_state) = &scenario.clients[1];
        assert_eq!(repair.policy, policy());
        assert_eq!(repair_state.channels[0].as_of, time("2026-10-19T04:00:00Z"));
        assert!(repair.calendar.iter().any(|day| day.channel == Some(Channel::X)));
        let x = &repair_state.channels[1];
        assert_eq!((x.engagement_rate, x.momentum, x.last_post_at, x.posts_last_30_days), (None, None, None, 0));
    }

    #[test]
    fn posts_without_history_are_spread_evenly() {
        let scenario = shipped("small");
        let fb = &state(&scenario, "orbit-repair").channels[0];
        let expected = ["2026-09-28T01:00:00Z", "2026-10-09T13:00:00Z", "2026-10-16T13:00:00Z"].map(time);
        assert_eq!(fb.recent_posts.len(), 3);
        assert_eq!(fb.recent_posts[2], expected[2]);
        assert!(fb.recent_posts[0] < fb.recent_posts[1] && fb.recent_posts[1] < expected[1]);
        assert_eq!(fb.last_post_at, Some(expected[2]));
    }

    #[test]
    fn blank_counts_are_computed_from_the_history() {
        let text = small_table("channels").replace("2026-10-17T12:00:00Z,2,4,0.11", ",,,");
        let scenario = small_with(&[("channels", &text)]).unwrap();
        let fb = &state(&scenario, "kettle-lane").channels[0];
        assert_eq!((fb.posts_last_7_days, fb.posts_last_30_days), (2, 4));
        assert_eq!(fb.last_post_at, Some(time("2026-10-17T12:00:00Z")));
        assert_eq!(fb.fatigue.get(), 0.0);
    }

    /// A table, a cell, the invalid cell that replaces it, and the code, row and column of the error.
    const BAD_CELLS: &[(&str, &str, &str, &str, usize, &str)] = &[
        ("channels", "2400,0.036", "2400x,0.036", "not_a_number", 1, "audience"),
        ("channels", "2400,0.036", "0,0.036", "out_of_range", 1, "audience"),
        ("channels", "2400,0.036", ",0.036", "blank", 1, "audience"),
        ("channels", "2400,0.036", "2400,NaN", "not_a_number", 1, "avg_engagement_rate"),
        ("channels", "0.15,0.6", "0.15,1.6", "out_of_range", 2, "momentum_score"),
        ("channels", "2026-10-18T18:00:00Z", "2026-10-18 18:00", "not_a_time", 2, "last_post_at"),
        ("channels", "Z,2,4,0.11", "Z,2.5,4,0.11", "not_whole", 1, "posts_last_7_days"),
        ("channels", "Z,2,4,0.11", "Z,5,4,0.11", "counts_contradict", 1, "posts_last_7_days"),
        ("channels", "orbit-repair,x", "orbit-repair,fb", "duplicate", 5, "channel"),
        ("channels", "orbit-repair,x", "orbit-repare,x", "unknown_reference", 5, "client_id"),
        ("clients", "Europe/London", "Europe/Londn", "unknown_zone", 1, "time_zone"),
        ("clients", "active,60", "activ,60", "unknown_name", 1, "status"),
        ("clients", "active,60", "active,101", "out_of_range", 1, "priority"),
        ("clients", "orbit-repair,corner", "kettle-lane,corner", "duplicate", 2, "client_id"),
        ("clients", "orbit-repair,corner", "orbit/repair,corner", "bad_identifier", 2, "client_id"),
        ("assets", "k6,kettle-lane,,photo,ig", "k6,kettle-lane,,photo,igg", "unknown_channel", 6, "channels"),
        ("assets", "k6,kettle-lane,,photo,ig", "k6,kettle-lane,,photo,ig;ig", "duplicate", 6, "channels"),
        ("assets", "k6,", "k4,", "duplicate", 6, "asset_id"),
        ("assets", "k1,0,\"Autumn", "k9,0,\"Autumn", "unknown_reference", 5, "parent_id"),
        ("assets", "k1,0,\"Autumn", "o1,0,\"Autumn", "foreign_reference", 5, "parent_id"),
        ("assets", "k1,0,\"Autumn", "k3,0,\"Autumn", "nested_parent", 5, "parent_id"),
        ("assets", "k1,0,\"Autumn", "k5,0,\"Autumn", "own_parent", 5, "parent_id"),
        ("assets", "o1,orbit-repair,,", "o1,orbit-repair,k-week,", "foreign_reference", 8, "campaign_id"),
        ("assets", "o1,orbit-repair,,", "o1,orbit-repair,k-weak,", "unknown_reference", 8, "campaign_id"),
        ("campaigns", "2026-11-01", "2026-10-01", "ends_before_start", 1, "ends_on"),
        ("campaigns", "2026-11-01", "01.11.2026", "not_a_date", 1, "ends_on"),
        ("campaigns", "fb;ig,1.3", "fb;ig,0", "out_of_range", 1, "weight"),
        ("policies", "true,true,8", "yes,true,8", "not_a_flag", 1, "agent_enabled"),
        ("warnings", "medium,open", "medium,", "blank", 1, "status"),
        ("warnings", "medium,open", "mediun,open", "unknown_name", 1, "severity"),
        ("reality", "0.64,0.6", "64,0.6", "out_of_range", 2, "perceived_score"),
        ("reality", "2026-09-30T", "2026-10-12T", "duplicate", 2, "as_of"),
        ("calendar", "all,2026-10-29,,", "all,2026-10-29,2026-10-30,", "unclear_days", 3, "date"),
        ("calendar", "2026-10-24,2026-10-25", "2026-10-26,2026-10-25", "ends_before_start", 2, "to"),
        ("calendar", "client:orbit-repair/x", "client:orbit-repair/y", "unknown_channel", 2, "scope"),
        ("calendar", "client:orbit-repair/x", "brand:orbit-repair/x", "bad_scope", 2, "scope"),
        ("calendar", "all,2026-10-29", "workspace:korner,2026-10-29", "unknown_reference", 3, "scope"),
        ("calendar", "boost,1.2", "boost,-1", "out_of_range", 1, "factor"),
        ("history", "kettle-lane,email,2026-09-30", "kettle-lane,tiktok,2026-09-30", "unknown_reference", 9, "channel"),
        ("history", "k4,newsletter", "k44,newsletter", "unknown_reference", 10, "asset_id"),
        ("history", "1700,122", "1700,-1", "out_of_range", 10, "engagements"),
    ];

    #[test]
    fn every_kind_of_invalid_cell_is_reported_with_its_location() {
        for (table, old, new, code, row, column) in BAD_CELLS {
            let found = errors_after(table, old, new);
            let place = format!("{table}.csv: row {row} (line {}), column `{column}`", row + 1);
            let is_expected = |error: &Diagnostic| error.code == *code && error.place.to_string() == place;
            assert!(found.iter().any(is_expected), "{table}: `{new}` gave {found:?}");
        }
    }

    #[test]
    fn any_asset_of_a_campaign_is_true_false_or_omitted() {
        let with = |cell: &str| small_table("campaigns").replace("weight\n", "any_asset\n").replace(",1.3", cell);
        let flags = |scenario: &Scenario| -> Vec<bool> {
            let campaigns = scenario.clients.iter().flat_map(|(client, _)| &client.campaigns);
            campaigns.map(|campaign| campaign.any_asset).collect()
        };
        for (cell, expected) in [(",true", true), (",false", false), (",", false)] {
            assert_eq!(flags(&small_with(&[("campaigns", &with(cell))]).unwrap()), [expected], "{cell}");
        }
        assert_eq!(flags(&small_with(&[]).unwrap()), [false], "a table without the column");
        let error = small_with(&[("campaigns", &with(",perhaps"))]).unwrap_err().to_string();
        assert!(error.contains("row 1 (line 2), column `any_asset`"), "{error}");
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let cases = [
            ("clients", "Europe/London", "Europe/Londn", "did you mean `Europe/London`?"),
            ("channels", "orbit-repair,x", "orbit-repare,x", "did you mean `orbit-repair`?"),
            ("assets", "k6,kettle-lane,,photo,ig", "k6,kettle-lane,,photo,twitter", "use fb, ig, tiktok"),
            ("warnings", "medium,open", "mediun,open", "did you mean `medium`?"),
            ("channels", "momentum_score", "momentum", "did you mean `momentum_score`?"),
            ("channels", "audience", "audiense", "add it, or rename `audiense`, which is not a column of this table"),
        ];
        for (table, old, new, remedy) in cases {
            let found = errors_after(table, old, new);
            assert!(found.iter().any(|error| error.remedy.contains(remedy)), "{found:?}");
        }
    }

    #[test]
    fn one_error_does_not_cause_further_ones() {
        let mistakes = [
            ("channels", "audience", "audiense"),
            ("channels", "kettle-lane,email,1800", "kettle-lane,email,none"),
            ("clients", "active,60", "active,many"),
            ("assets", "created_at", "created"),
            ("campaigns", "campaign_id", "campain_id"),
            ("clients", "tea shop,retail", "tea shop"),
            ("assets", "0.75,0.8,0.5,0.6,,0,First frost,", "0.75,0.8,0.5,0.6,,0,First frost"),
            ("assets", "k4,kettle-lane,", "k4,kettle-lane,,"),
            ("channels", "0.11,0.55,0.5,0.52", "0.11,0.55,0.5,0.52,"),
        ];
        for (table, old, new) in mistakes {
            let found = errors_after(table, old, new);
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }

    #[test]
    fn errors_of_all_tables_are_collected() {
        let clients = small_table("clients").replace("active,40", "active,400");
        let assets = small_table("assets").replace("0.8,0.9", "8,9");
        let errors = small_with(&[("clients", &clients), ("assets", &assets)]).unwrap_err();
        assert_eq!(errors.len(), 3, "{errors}");
    }

    #[test]
    fn a_row_with_too_few_cells_is_an_error() {
        let text = small_table("policies").replace(",true\n", "\n");
        let errors = small_with(&[("policies", &text)]).unwrap_err().to_string();
        assert_eq!(
            errors,
            "policies.csv: row 1 (line 2): 4 cells, but there are 5 columns; \
             give every row one cell per column, blank ones included"
        );
    }

    #[test]
    fn an_uneven_row_does_not_hide_errors_in_other_rows() {
        let text = small_table("assets").replace("fb;ig,2026-09-10", "fb;ig,,2026-09-10").replace("0.65,0.7", "0.65,7");
        let errors = small_with(&[("assets", &text)]).unwrap_err().to_string();
        assert!(errors.contains("row 1 (line 2): 15 cells, but there are 14 columns"), "{errors}");
        assert!(errors.contains("row 5 (line 6), column `brand_consistency`: `7` is out of range"), "{errors}");
        assert_eq!(errors.lines().count(), 2, "{errors}");
    }

    #[test]
    fn line_numbers_after_a_quoted_line_break_are_right() {
        let text = small_table("assets")
            .replace("Four new blends for cold mornings.", "\"Four new blends\nfor cold mornings.\"")
            .replace("0.65,0.7", "0.65,7");
        let errors = small_with(&[("assets", &text)]).unwrap_err().to_string();
        assert!(errors.starts_with("assets.csv: row 5 (line 7), column `brand_consistency`"), "{errors}");
    }

    #[test]
    fn crlf_a_byte_order_mark_and_blank_lines_are_ignored() {
        let text = format!("\u{feff}{}\n\n", small_table("clients")).replace('\n', "\r\n");
        let (changed, plain) = (small_with(&[("clients", &text)]).unwrap(), shipped("small"));
        assert_eq!(changed.clients, plain.clients);
        assert_ne!(changed.hash, plain.hash);
    }

    #[test]
    fn invalid_text_and_quotes_are_reported_with_their_line() {
        let error_of = |text: &str| small_with(&[("policies", text)]).unwrap_err().to_string();
        assert!(error_of("client_id\n\"kettle").starts_with("policies.csv: line 2: a quote is not closed"));
        assert!(error_of("").starts_with("policies.csv: the file is empty"));
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("scenario.toml"),
            Manifest::new("x".into(), "2026-W37".parse().unwrap(), 1).to_toml(),
        )
        .unwrap();
        fs::write(dir.path().join("clients.csv"), b"client_id,workspace_id\na,\xff\n").unwrap();
        let errors = read(dir.path(), &policy()).unwrap_err();
        assert!(errors.to_string().contains("clients.csv: line 2: text that is not UTF-8"), "{errors}");
        assert!(errors.to_string().contains("cannot read"), "{errors}");
        assert!(!errors.is_system_failure());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_causes_a_panic_and_every_error_has_a_location(
            header in prop::sample::select(vec!["client_id,workspace_id", "client_id,channel,audience", "x", ""]),
            body in "([a-z0-9,;:/\" \r\n.é-]|kettle-lane|fb|2026-10-01T00:00:00Z){0,60}",
            table in prop::sample::select(vec!["clients", "channels", "assets", "history", "calendar"]),
        ) {
            if let Err(errors) = small_with(&[(table, &format!("{header}\n{body}"))]) {
                for error in errors.iter() {
                    let ScenarioError::Invalid(diagnostic) = error else { panic!("{error}") };
                    let Place::Table(at) = &diagnostic.place else { panic!("{error}") };
                    prop_assert!(!at.file.is_empty() && !diagnostic.cause.is_empty() && !diagnostic.remedy.is_empty());
                    let is_empty_file = diagnostic.code == "no_columns";
                    let has_location = at.row.is_some() || at.line.is_some() || !at.column.is_empty();
                    prop_assert!(has_location || is_empty_file, "{error}");
                }
            }
        }
    }
}
