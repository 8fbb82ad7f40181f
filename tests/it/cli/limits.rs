//! Limits: `limits.toml` in every command that reads or shows rules.

use mcoe::rules::{DefaultValue, Kind, PACK_FILES, Presence};

use crate::support::{TestFolder, project};

/// The text of the page about limits.
fn page() -> String {
    std::fs::read_to_string(project("docs/limits.md")).unwrap()
}

/// The first TOML block of the page with a heading, such as `limits.toml`.
fn toml_block(heading: &str) -> String {
    let page = page();
    let start = format!("```toml {heading}\n");
    page.split(&start).nth(1).and_then(|rest| rest.split("```").next()).unwrap().to_owned()
}

/// A folder whose pack has the limits of the page.
fn with_limits() -> TestFolder {
    let folder = TestFolder::new();
    folder.write("rules/limits.toml", &toml_block("limits.toml"));
    folder
}

#[test]
fn the_examples_of_the_page_can_be_copied() {
    let folder = with_limits();
    folder.write("rules/overlays/acme.toml", &toml_block("overlays/acme.toml"));
    folder.mcoe("check").succeeds().stdout_has(&["rules `default` are valid"]);
    let shown = folder.mcoe("rules show limits --client acme").succeeds().out;
    for line in [
        "limits.brand_day.at_most = 6 (overrides 4)   overlays/acme.toml:4\n",
        "limits.brand_day.per = [\"client\", \"day\"]   limits.toml:4\n",
        "limits.one_channel_an_hour.enabled = false (overrides true)   overlays/acme.toml:7\n",
        "limits.b2b_midweek.where.days = [\"tuesday\", \"wednesday\", \"thursday\"]   limits.toml:",
        "limits.early_morning.where.hours = [6, 7]   limits.toml:",
        "limits.linkedin_share.per = [\"client\", \"week\"]   default\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn the_case_of_the_page_passes_and_covers_what_it_says() {
    let folder = with_limits();
    folder.write("rules/tests/limits.toml", &toml_block("tests/limits.toml"));
    folder.mcoe("rules test").succeeds().stdout_has(&["1 case(s) passed, 0 failed"]);
    let out = folder.mcoe("rules test --coverage").succeeds().out;
    assert!(out.contains("no case depends on `limits.early_morning.at_most`"), "{out}");
    assert!(!out.contains("limits.linkedin_share"), "{out}");
}

#[test]
fn the_page_lists_every_key() {
    let page = page();
    let keys = PACK_FILES.iter().find(|file| file.stem == "limits").unwrap().keys;
    for key in keys {
        let name = key.path.trim_start_matches("<limit>.");
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for `{name}`"));
        assert!(row.ends_with(&format!("| {} |", key.doc)), "`{name}`: {}", key.doc);
        let default = match key.presence {
            Presence::Default(DefaultValue::Bool(is_on)) => format!("; `{is_on}` if omitted"),
            Presence::Default(DefaultValue::Names(names)) => format!("; `{names:?}` if omitted"),
            _ => String::new(),
        };
        assert!(row.contains(&default), "`{name}`: {default}");
        if let Kind::Names(names) = key.kind
            && name == "per"
        {
            assert!(names.iter().all(|name| row.contains(&format!("`\"{name}\"`"))), "{row}");
        }
    }
}

#[test]
fn clients_and_tags_of_limits_are_looked_up_in_the_scenario() {
    let folder = TestFolder::new();
    let text = "[a]\nat_most = 30\nwhere = { clients = [\"bakerie\"], tags = [\"no such tag\"] }\n";
    folder.write("rules/limits.toml", text);
    folder.mcoe("check").succeeds().stderr_has(&[
        "not_looked_up",
        "client `bakerie`",
        "client with the tag `no such tag`",
    ]);
    let ran = folder.mcoe("check --scenario small").exits_with(2);
    ran.stderr_has(&["unknown_name", "no client `bakerie`", "no client with the tag `no such tag`", "limits.toml:3"]);
}

#[test]
fn limits_are_compared_formatted_and_swept() {
    let folder = with_limits();
    let hash = |folder: &TestFolder| folder.mcoe("check --format json").succeeds().json()["rules"]["hash"].clone();
    let before = hash(&folder);
    for (name, text) in folder.files_in("rules") {
        folder.write(&format!("new/{name}"), &String::from_utf8(text).unwrap());
    }
    folder.replace("new/limits.toml", "at_most = 4", "at_most = 5");
    folder.replace("new/limits.toml", "\"b2b\"", "\"b2b\", \"eu\"");
    folder.mcoe("rules diff rules new").succeeds().stdout_has(&[
        "limits.brand_day.at_most: 4 -> 5",
        "maximum number of posts in each period",
        "limits.b2b_midweek.where.tags: [\"b2b\"] -> [\"b2b\", \"eu\"]",
    ]);
    folder.replace("rules/limits.toml", "at_most = 4", "at_most   =   4");
    folder.mcoe("rules fmt").succeeds();
    assert!(folder.read("rules/limits.toml").contains("\nat_most = 4\n"));
    assert_eq!(hash(&folder), before);
    folder.replace("rules/limits.toml", "\"b2b\"", "\"retail\"");
    let line =
        "rules sweep small --set limits.brand_day.at_most=3..4:1 --weeks 1 --replications 2 --out run --tables csv";
    folder.mcoe(line).succeeds();
    let points = folder.table("run/tables/points.csv");
    assert_eq!(points.column("limits.brand_day.at_most"), ["4.0", "3.0", "4.0"]);
    folder
        .mcoe("rules sweep small --set limits.brand_dai.at_most=3 --out run2")
        .exits_with(2)
        .stderr_has(&["limits.brand_day.at_most"]);
}

/// A limit on the order of channels, for the small scenario.
const ORDER: &str =
    "[fb_after_ig]\nfollowed_by = \"fb\"\nafter_hours = 2\nuntil_hours = 4\nwhere = { channels = [\"ig\"] }\n";

#[test]
fn an_order_of_channels_is_shown_swept_compared_and_explained() {
    let folder = TestFolder::new();
    folder.write("rules/limits.toml", ORDER);
    folder.mcoe("check --scenario small").succeeds();
    let shown = folder.mcoe("rules show limits").succeeds().out;
    for line in ["limits.fb_after_ig.followed_by = \"fb\"   limits.toml:2\n", "limits.fb_after_ig.after_hours = 2   "] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    for (name, text) in folder.files_in("rules") {
        folder.write(&format!("new/{name}"), &String::from_utf8(text).unwrap());
    }
    folder.replace("new/limits.toml", "until_hours = 4", "until_hours = 5\nsame_asset = true");
    folder
        .mcoe("rules diff rules new")
        .succeeds()
        .stdout_has(&["limits.fb_after_ig.until_hours: 4 -> 5", "limits.fb_after_ig.same_asset"]);
    let line = "rules sweep small --set limits.fb_after_ig.after_hours=1..3:1 --weeks 1 --replications 2 --out run \
                --tables csv";
    folder.mcoe(line).succeeds();
    let points = folder.table("run/tables/points.csv");
    assert_eq!(points.column("limits.fb_after_ig.after_hours"), ["2.0", "1.0", "2.0", "3.0"]);
    folder.mcoe("plan small --tables csv --out plan").succeeds().stdout_has(&["limit `fb_after_ig` costs something"]);
    let costs = folder.table("plan/limit_costs.csv");
    assert_eq!(costs.column("bounds"), ["followed by a post on fb 2 to 4 hours later"]);
    let line = "explain plan --why-not kettle-lane/ig/2026-10-22T19:00";
    folder.mcoe(line).succeeds().stdout_has(&["limit fb_after_ig: a post must be followed by a post on fb"]);
}

#[test]
fn a_scenarios_numbers_for_limits_are_checked_planned_and_kept_by_the_ledger() {
    let folder = TestFolder::new();
    let limits = "[brand_day]\nat_most = 4\nper = [\"client\", \"day\"]\n\
                  [agency]\nat_most = 20\nper = [\"workspace\", \"day\"]\n";
    folder.write("rules/limits.toml", limits);
    folder.replace("small/scenario.toml", "history = ", "limits = \"limits.csv\"\nhistory = ");
    let mistakes = "limit,workspace_id,client_id,at_most,at_least\nbrand_dai,,kettle-lane,1,\nbrand_day,,kettle-lan,1,\n\
                    brand_day,corner,,,2\nagency,,kettle-lane,2,\n";
    folder.write("small/limits.csv", mistakes);
    for line in ["check --scenario small", "plan small --out bad", "simulate small --out bad"] {
        folder.mcoe(line).exits_with(2).stderr_has(&[
            "limits.csv: row 1 (line 2), column `limit`: the rules pack has no limit `brand_dai`; write `brand_day`",
            "limits.csv: row 2 (line 3), column `client_id`: there is no client `kettle-lan`; did you mean `kettle-lane`?",
            "limits.csv: row 3 (line 4), column `at_least`: the limit `brand_day` states `at_most`, not `at_least`",
            "limits.csv: row 4 (line 5), column `client_id`: the limit `agency` counts the posts of several clients",
        ]);
    }
    folder.write("small/limits.csv", "limit,workspace_id,client_id,at_most\nbrand_day,,kettle-lane,1\n");
    folder.mcoe("check --scenario small").succeeds();
    let allowed_to_kettle_lane = |table: &str| -> Vec<f64> {
        let limits = folder.table(table);
        let rows = limits.column("client_id").into_iter().zip(limits.column("allowed"));
        rows.filter(|(client, _)| *client == "kettle-lane").map(|(_, allowed)| allowed.parse().unwrap()).collect()
    };
    folder.mcoe("plan small --tables csv --out plan").succeeds();
    let allowed = allowed_to_kettle_lane("plan/limits.csv");
    assert!(!allowed.is_empty() && allowed.iter().all(|posts| *posts == 1.0), "{allowed:?}");
    let now = "--now 2026-10-16T12:00:00Z";
    folder.mcoe(&format!("db load small {now}")).succeeds();
    folder.mcoe(&format!("plan --from-database corner --week 2026-W43 {now} --tables csv --out kept")).succeeds();
    assert_eq!(allowed_to_kettle_lane("kept/limits.csv"), allowed);
    folder.replace("rules/limits.toml", "[brand_day]", "[posts_a_day]");
    let line = format!("plan --from-database corner --week 2026-W43 {now} --out lost");
    folder.mcoe(&line).exits_with(2).stderr_has(&["the rules pack has no limit `brand_day`"]);
}
