//! What posts earned, in the ledger: loaded, exported, and calibrated from.

use std::collections::BTreeMap;

use mcoe::model::{Channel, ClientId, HistoryRow};
use mcoe::scenario;
use serde_json::Value;

use super::{FRIDAY, rules, workspace};
use crate::support::{Agency, TestDatabase, TestFolder, at, on_both};

/// The files of a report, without `run.json` and with another command line in the page and the summary.
fn report(folder: &TestFolder, name: &str, command: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = folder.files_in(name);
    files.remove("run.json").unwrap();
    for page in ["index.html", "summary.md"] {
        let text = String::from_utf8(files[page].clone()).unwrap().replace("&#x2f;", "/");
        assert!(text.contains(command), "`{command}` is not in {page}");
        files.insert(page.to_owned(), text.replace(command, "COMMAND").into_bytes());
    }
    files
}

/// Loads a scenario with half a year of measured posts into a ledger and plans a week from it. Returns a workspace.
fn measured_workspace(folder: &TestFolder, run: &impl Fn(&str) -> crate::support::CommandOutput) -> String {
    folder.mcoe("generate --clients 4 --seed 5 --history-days 180 --out world --quiet").succeeds();
    let loaded = run("db load world --now 2026-09-04T08:00:00Z --format json").succeeds().json();
    let measured =
        folder.table("world/history.csv").column("engagements").iter().filter(|cell| !cell.is_empty()).count();
    assert_eq!(loaded["measured_posts"], measured);
    let week = run("weekly --now 2026-09-04T08:00:00Z --actor ann --format json").succeeds().json();
    let has_posts = |one: &&Value| one["committed"]["schedules"].as_u64().unwrap_or(0) > 0;
    let planned = week["workspaces"].as_array().unwrap().iter().find(has_posts).unwrap();
    planned["workspace_id"].as_str().unwrap().to_owned()
}

fn calibrate_both_ways(database: &TestDatabase) {
    let folder = TestFolder::new();
    let run = |line: &str| folder.mcoe(&format!("{line} --database {}", database.url));
    let id = measured_workspace(&folder, &run);
    // Shortly before the week, so that no post lies between now and its Monday in any client's time zone. Those that do
    // count as made only in the folder.
    let now = "--now 2026-09-06T23:30:00Z";
    let direct = run(&format!("calibrate --from-database {id} {now} --tables csv --out direct --format json"));
    let direct = direct.succeeds().json();
    // The posts of the week that is committed are no history. That of the generated scenario ends as this week begins.
    assert!(direct["until"].as_str().unwrap() < "2026-09-08", "{}", direct["until"]);
    run(&format!("db export {id} {now} --out {id}")).succeeds();
    let exported = folder.mcoe(&format!("calibrate {id} --tables csv --out exported --format json")).succeeds().json();
    assert_eq!(direct, exported);
    let run_json = folder.json("direct/run.json");
    assert_eq!(run_json["workspace"], id.as_str());
    let command = run_json["command"].as_str().unwrap();
    let exported_command = folder.json("exported/run.json")["command"].as_str().unwrap().to_owned();
    let (from_ledger, from_folder) =
        (report(&folder, "direct", command), report(&folder, "exported", &exported_command));
    assert_eq!(from_ledger.keys().collect::<Vec<_>>(), from_folder.keys().collect::<Vec<_>>());
    for (name, bytes) in &from_ledger {
        assert!(bytes == &from_folder[name], "{name} differs");
    }
    assert!(from_ledger.keys().any(|name| name.starts_with("overlays/")), "{:?}", from_ledger.keys());
    let tested = run(&format!("backtest --from-database {id} {now} --cuts 1 --draws 100 --out tested"));
    assert!(!tested.succeeds().out.starts_with("tested forecasts for 0 of "));
}

#[test]
fn a_workspace_is_calibrated_as_its_export_is() {
    calibrate_both_ways(&TestDatabase::sqlite());
    calibrate_both_ways(&TestDatabase::postgres());
}

#[test]
fn a_workspace_without_measured_posts_is_not_calibrated() {
    let folder = TestFolder::new();
    folder.mcoe("db load small --now 2026-09-04T08:00:00Z").succeeds();
    let id = folder.table("small/clients.csv").column("workspace_id")[0].to_owned();
    let calibrate = |arguments: &str| folder.mcoe(&format!("calibrate {arguments} --out found")).exits_with(2);
    let mut history = folder.table("small/history.csv").rows.iter().map(|row| row.join(",")).collect::<Vec<_>>();
    calibrate("--from-database nowhere")
        .stderr_has(&["the ledger has no workspace `nowhere`", "mcoe db load SCENARIO"]);
    calibrate(&format!("--from-database {id} --zone Europe/London")).stderr_has(&["a workspace has its own", "--zone"]);
    calibrate(&format!("small --from-database {id}")).stderr_has(&["--from-database"]);
    calibrate("").stderr_has(&["HISTORY"]);
    // The same without results, in a new ledger.
    history.iter_mut().for_each(|row| *row = format!("{},,", row.rsplitn(3, ',').last().unwrap()));
    let header = folder.read("small/history.csv").lines().next().unwrap().to_owned();
    folder.write("small/history.csv", &format!("{header}\n{}\n", history.join("\n")));
    folder.mcoe("db load small --database other.db").succeeds().stdout_has(&[", 0 measured posts"]);
    for command in ["calibrate", "backtest"] {
        let refused = folder.mcoe(&format!("{command} --from-database {id} --database other.db --out found"));
        refused.exits_with(2).stderr_has(&["no post of workspace", "remedy: load a scenario whose table `history`"]);
    }
    assert!(!folder.path("found").exists());
}

/// A photo of the client `shop` in a history.
fn row(channel: Channel, at_text: &str, engagements: Option<f64>) -> HistoryRow {
    let client_id = ClientId::new("shop");
    let (published_at, content_type) = (at(at_text), Some("photo".into()));
    HistoryRow {
        client_id,
        channel,
        published_at,
        asset_id: None,
        content_type,
        reach: None,
        engagements,
        needs_review: false,
    }
}

on_both! {
    async fn results_are_kept_and_later_ones_count(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let shop = || Agency::starting("2026-W37").with_client("shop", "Europe/London", &[Channel::Fb, Channel::X]);
        let (monday, tuesday) = ("2026-08-31T09:00:00Z", "2026-09-01T09:00:00Z");
        // Two posts at one instant, one of them not in the scenario's state; one that was not measured; and one from
        // long before.
        let first = [
            row(Channel::Fb, "2025-01-06T09:00:00Z", Some(3.0)),
            row(Channel::Fb, monday, Some(5.0)),
            row(Channel::Fb, monday, Some(7.0)),
            row(Channel::Fb, tuesday, None),
            row(Channel::X, tuesday, Some(11.0)),
        ];
        let scenario = shop()
            .edit_last(|_, state| state.channels[0].recent_posts = vec![at(monday), at(tuesday)])
            .scenario();
        let load = async |history: &[HistoryRow]| {
            ledger.load_with_history(&scenario, history, &rules, at(FRIDAY)).await.unwrap().measured_posts
        };
        let history = async || {
            let measured = ledger.measured_posts(&workspace("of-shop")).await.unwrap();
            let mut files = scenario::files_of(&ledger.scenario(&workspace("of-shop"), scenario.start).await.unwrap());
            files.add_measured_posts(measured);
            let dir = tempfile::tempdir().unwrap();
            for (name, bytes) in scenario::render(&files).unwrap() {
                std::fs::write(dir.path().join(name), bytes).unwrap();
            }
            let exported = scenario::read(dir.path(), &rules.base().risk.default_policy).unwrap();
            assert_eq!(exported.clients, ledger.scenario(&workspace("of-shop"), scenario.start).await.unwrap().clients);
            let rows = files.history.into_iter();
            rows.map(|row| (row.channel, row.published_at.to_string(), row.engagements)).collect::<Vec<_>>()
        };
        let expected = |of_tuesday| {
            [
                (Channel::Fb, "2025-01-06T09:00:00Z".to_owned(), Some(3.0)),
                (Channel::Fb, monday.to_owned(), Some(5.0)),
                (Channel::Fb, monday.to_owned(), Some(7.0)),
                (Channel::Fb, tuesday.to_owned(), of_tuesday),
                (Channel::X, tuesday.to_owned(), Some(11.0)),
            ]
        };
        assert_eq!(load(&first).await, 4);
        assert_eq!(history().await, expected(None));
        assert_eq!(load(&[row(Channel::Fb, tuesday, Some(13.0))]).await, 1);
        assert_eq!(history().await, expected(Some(13.0)));
        assert_eq!(load(&[row(Channel::Fb, tuesday, Some(17.0))]).await, 1);
        assert_eq!(history().await, expected(Some(17.0)));
        // Another workspace sees nothing of it, and a channel that is gone takes its posts along.
        assert!(ledger.measured_posts(&workspace("of-others")).await.unwrap().is_empty());
        let without_x = Agency::starting("2026-W37").with_client("shop", "Europe/London", &[Channel::Fb]).scenario();
        ledger.load(&without_x, &rules, at(FRIDAY)).await.unwrap();
        assert_eq!(history().await, expected(Some(17.0))[..4]);
    }
}
