//! `mcoe import` and `mcoe generate`: where scenarios come from.

use std::collections::BTreeSet;

use mcoe::model::{Timestamp, Zone};

use crate::support::{Table, TestFolder, project};

const HISTORY: &str = "account,channel,published_at,utc_offset_min,content_type,reach_or_null,engagements\n\
                       tea_fb,fb,2026-08-03T09:00:00Z,60,photo,1200,48\n\
                       tea_fb,fb,2026-08-10T09:00:00Z,60,link,1000,\n\
                       tea_fb,fb,2026-08-24T13:00:00Z,60,photo,1400,70\n\
                       tea_ig,ig,2026-08-04T18:00:00Z,60,reel,,95\n\
                       repair_x,x,2026-08-20T15:00:00Z,-240,,300,9\n";

#[test]
fn a_small_history_can_be_imported_and_planned() {
    let folder = TestFolder::new();
    folder.write("posts.csv", HISTORY);
    let out = folder.mcoe("import posts.csv --client prefix --out shop").succeeds().out;
    assert!(out.ends_with("written to shop\n"), "{out}");
    let files = folder.files_in("shop");
    for name in ["scenario.toml", "clients.csv", "channels.csv", "history.csv"] {
        assert!(files.contains_key(name), "{name} is not in {:?}", files.keys());
    }
    assert_eq!(folder.table("shop/clients.csv").column("client_id"), ["repair", "tea"]);
    assert_eq!(folder.table("shop/history.csv").rows.len(), 5);
    folder.mcoe("check --scenario shop").succeeds();
    let head = folder.mcoe("plan shop --out plan --format json").succeeds().json();
    assert_eq!((&head["counts"]["clients"], &head["week"]), (&2.into(), &"2026-W36".into()));
}

#[test]
fn the_notes_of_an_import_name_unknown_values() {
    let folder = TestFolder::new();
    folder.write("posts.csv", HISTORY);
    let notes = folder.mcoe("import posts.csv --out shop --format json").succeeds().json()["notes"].clone();
    assert_eq!((&notes["rows"], &notes["accounts"], &notes["clients"]), (&5.into(), &3.into(), &3.into()));
    assert_eq!(notes["rows_without_engagement"], 1);
    let rate = |client: &str| {
        let channels = folder.table("shop/channels.csv");
        let row = channels.rows_where(&[("client_id", client)])[0].clone();
        channels.cell(&row, "avg_engagement_rate").to_owned()
    };
    assert!(rate("tea_fb").parse::<f64>().is_ok_and(|rate| (0.02..0.08).contains(&rate)), "{}", rate("tea_fb"));
}

#[test]
fn every_invalid_row_of_a_history_is_reported_and_nothing_is_written() {
    let folder = TestFolder::new();
    folder
        .write("posts.csv", &HISTORY.replace("tea_ig,ig", "tea_ig,instagam").replace("2026-08-20T15", "2026-08-40T15"));
    let before = folder.entries();
    folder.mcoe("import posts.csv --out shop").exits_with(2).stderr_has(&[
        "row 4",
        "column `channel`",
        "row 5",
        "column `published_at`",
    ]);
    folder.mcoe("import nowhere.csv --out shop").exits_with(2).stderr_has(&["nowhere.csv"]);
    folder.mcoe("import posts.csv --zone Europe/Londn --out shop").exits_with(2).stderr_has(&["Europe/Londn"]);
    assert_eq!(folder.entries(), before);
}

/// A post every five days for half a year, at the same local hour in `zone`.
fn posts_in_zone(zone: &str) -> String {
    let zone: Zone = zone.parse().unwrap();
    let mut text = "account,channel,published_at,engagements\n".to_owned();
    for step in 0..40 {
        let at = Timestamp::from_second(1_767_000_000 + step * 5 * 86_400);
        let local = zone.local(at).format("%Y-%m-%d 09:00:00%:z");
        text.push_str(&format!("shop,fb,{local},{step}\n"));
    }
    text
}

#[test]
fn the_zone_is_derived_from_offsets_in_times() {
    let folder = TestFolder::new();
    for zone in [
        "Europe/London",
        "America/New_York",
        "Australia/Adelaide",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "Asia/Kolkata",
    ] {
        folder.write("posts.csv", &posts_in_zone(zone));
        folder.mcoe("import posts.csv --out shop --force").succeeds();
        assert_eq!(folder.table("shop/clients.csv").column("time_zone"), [zone]);
    }
    // An offset of UTC does not reveal the zone.
    folder.write("posts.csv", "account,channel,published_at,engagements\nshop,fb,2026-08-03T09:00:00+00:00,4\n");
    folder.mcoe("import posts.csv --out shop --force").succeeds().stdout_has(&["UTC is assumed"]);
}

#[test]
fn times_are_read_in_the_formats_of_exports() {
    let folder = TestFolder::new();
    let times = ["\"Mon, 03 Aug 2026 09:00:00 +0200\"", "2026-08-03 09:00 +0200", "2026-08-03T07:00:00Z"];
    for time in times {
        folder.write("posts.csv", &format!("account,channel,published_at,engagements\nshop,fb,{time},4\n"));
        folder.mcoe("import posts.csv --out shop --force").succeeds();
        assert_eq!(folder.table("shop/history.csv").column("published_at"), ["2026-08-03T07:00:00Z"], "{time}");
    }
    folder.write("posts.csv", "account,channel,published_at,engagements\nshop,fb,2026-08-03 09:00,4\n");
    folder.mcoe("import posts.csv --out late").exits_with(2).stderr_has(&["not a point in time", "UTC offset"]);
}

#[test]
fn rows_of_exports_that_overlap_count_once() {
    let folder = TestFolder::new();
    let (header, rows) = HISTORY.split_once('\n').unwrap();
    folder.write("posts.csv", HISTORY);
    folder.mcoe("import posts.csv --out once").succeeds();
    folder.write("posts.csv", &format!("{header}\n{rows}{rows}"));
    let notes = folder.mcoe("import posts.csv --out twice --format json").succeeds().json()["notes"].clone();
    assert_eq!((&notes["rows"], &notes["repeated_rows"]), (&10.into(), &5.into()));
    assert_eq!(folder.files_in("twice"), folder.files_in("once"));
    // Two posts in the same minute with different numbers are two posts.
    folder.write("posts.csv", &format!("{HISTORY}tea_fb,fb,2026-08-03T09:00:00Z,60,photo,1200,49\n"));
    folder.mcoe("import posts.csv --out two").succeeds();
    assert_eq!(folder.table("two/history.csv").rows.len(), 6);
}

#[test]
fn unused_headings_may_repeat() {
    let folder = TestFolder::new();
    let row = "shop,fb,2026-08-03T09:00:00Z,4,,\n";
    folder.write("posts.csv", &format!("account,channel,published_at,engagements,Views to 95%,Views to 95%\n{row}"));
    folder.mcoe("import posts.csv --out shop").succeeds();
    folder.write("posts.csv", &format!("account,channel,published_at,engagements,engagements,note\n{row}"));
    folder.mcoe("import posts.csv --out other").exits_with(2).stderr_has(&["`engagements`", "occurs twice"]);
}

#[test]
fn a_cooldown_of_any_length_is_respected() {
    let folder = TestFolder::new();
    folder.copy_scenario("small");
    let mut posts = "account,channel,published_at,content_type,reach_or_null,engagements\n".to_owned();
    for day in 0..12 {
        posts.push_str(&format!("shop,fb,2026-05-{:02}T09:00:00Z,photo,1000,{}\n", 2 * day + 1, 40 + day));
    }
    posts.push_str("shop,fb,2026-08-30T09:00:00Z,photo,1000,\n");
    folder.write("posts.csv", &posts);
    folder.mcoe("import posts.csv --out shop --start 2026-W37").succeeds();
    let posts_with_asset = |hours: &str| {
        folder.mcoe("plan shop --out plan --force --tables csv").succeeds();
        let posts = folder.table("plan/posts.csv");
        let count = posts.column("asset_id").into_iter().filter(|asset| !asset.is_empty()).count();
        println!("{count} posts with an asset under a cooldown of {hours} hours");
        count
    };
    assert!(posts_with_asset("168") > 0);
    // From the first of May to the seventh of September there are 3096 hours.
    folder.replace("rules/assets.toml", "cooldown_hours = 168", "cooldown_hours = 3600");
    assert_eq!(posts_with_asset("3600"), 0);
}

#[test]
fn other_separators_are_read() {
    let folder = TestFolder::new();
    folder.write("posts.csv", HISTORY);
    folder.mcoe("import posts.csv --out comma").succeeds();
    let separated_by = |separator: &str| HISTORY.replace(',', separator);
    for (file, text) in [
        ("posts.csv", separated_by(";")),
        ("posts.csv", format!("sep=;\n{}", separated_by(";"))),
        ("posts.csv", separated_by("\t")),
        ("posts.CSV", HISTORY.to_owned()),
    ] {
        folder.write(file, &text);
        folder.mcoe(&format!("import {file} --out other --force")).succeeds();
        assert_eq!(folder.files_in("other"), folder.files_in("comma"), "{file}:\n{text}");
    }
    folder.write("posts.csv", &separated_by(";").replace("1200;48", "1200,5;48"));
    folder.mcoe("import posts.csv --out decimal").exits_with(2).stderr_has(&["`1200,5` is not a number", "`1200.5`"]);
}

#[test]
fn files_that_are_not_tables_are_identified() {
    let folder = TestFolder::new();
    let import = |bytes: &[u8]| {
        std::fs::write(folder.path("posts.csv"), bytes).unwrap();
        folder.mcoe("import posts.csv --out shop").exits_with(2)
    };
    import(b"PK\x03\x04rest").stderr_has(&["a workbook (XLSX, ODS) or an archive (ZIP)", "save the sheet as CSV"]);
    import(b"\xd0\xcf\x11\xe0rest").stderr_has(&["a workbook (XLS)"]);
    let utf_16: Vec<u8> = HISTORY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    import(&[b"\xff\xfe".as_slice(), &utf_16].concat()).stderr_has(&["text in UTF-16", "save it in UTF-8"]);
}

#[test]
fn formulas_in_texts_are_escaped_and_read_back_unchanged() {
    let folder = TestFolder::new();
    folder.write(
        "posts.csv",
        "account,channel,published_at,engagements\n\
         \"=HYPERLINK(\"\"example.org\"\")\",fb,2026-08-03T09:00:00Z,4\n\
         @tea,ig,2026-08-04T09:00:00Z,5\n'quoted,x,2026-08-05T09:00:00Z,6\n",
    );
    folder.mcoe("import posts.csv --out shop").succeeds();
    let names = ["'=HYPERLINK(\"example.org\")", "'@tea", "'quoted"];
    let client_names = |scenario: &str| {
        let mut names: Vec<String> =
            folder.table(&format!("{scenario}/clients.csv")).column("name").into_iter().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(client_names("shop"), names);
    folder.mcoe("plan shop --out plan --tables csv").succeeds();
    for (name, bytes) in folder.files_in("plan").into_iter().filter(|(name, _)| name.ends_with(".csv")) {
        let text = String::from_utf8(bytes).unwrap();
        let has_cell_with = |start: &str| text.contains(&format!("\n{start}")) || text.contains(&format!(",{start}"));
        let is_harmless = !["=", "@", "\"=", "\"@"].iter().any(|start| has_cell_with(start));
        assert!(is_harmless, "{name}:\n{text}");
    }
    folder.mcoe("db load shop --now 2026-08-06T08:00:00Z").succeeds();
    let workspace = folder.table("shop/clients.csv").column("workspace_id")[0].to_owned();
    folder.mcoe(&format!("db export {workspace} --out exported")).succeeds();
    assert_eq!(client_names("exported"), names);
}

/// Imports, checks, plans and simulates one of the real histories that may be in a folder next to the project.
fn assert_can_be_planned(name: &str, options: &str, clients: u32) {
    let path = project("../shared/data").join(name);
    if !path.is_file() {
        println!("SKIPPED: {} does not exist", path.display());
        return;
    }
    let folder = TestFolder::new();
    let out = folder.mcoe(&format!("import {} {options} --out real", path.display())).succeeds().out;
    println!("{out}");
    folder.mcoe("check --scenario real").succeeds();
    let head = folder.mcoe("plan real --out plan --format json").succeeds().json();
    assert_eq!(head["counts"]["clients"], clients);
    assert!(head["counts"]["posts"].as_u64().unwrap() > 0, "{head}");
    folder.mcoe("simulate real --weeks 1 --replications 2 --out run").succeeds();
}

#[test]
fn the_multichannel_history_can_be_planned() {
    assert_can_be_planned("posts_multichannel.csv", "", 23);
}

#[test]
fn the_multichannel_history_can_be_planned_by_organisation() {
    assert_can_be_planned("posts_multichannel.csv", "--client prefix", 4);
}

#[test]
fn the_live_sellers_can_be_planned() {
    assert_can_be_planned("posts_fb_live_sellers.csv", "--zone Asia/Bangkok", 9);
}

#[test]
fn the_communities_can_be_planned() {
    assert_can_be_planned("posts_reddit.csv", "", 50);
}

#[test]
fn the_same_seed_generates_the_same_bytes() {
    let folder = TestFolder::new();
    let generated = |seed: u32| {
        folder.mcoe(&format!("generate --clients 7 --seed {seed} --out made --force")).succeeds();
        folder.files_in("made")
    };
    let first = generated(5);
    assert!(first == generated(5));
    assert!(first != generated(6));
}

#[test]
fn a_calibration_of_a_generated_history_can_be_compared_with_its_truth() {
    let folder = TestFolder::new();
    folder.mcoe("generate --clients 3 --seed 4 --history-days 120 --out made").succeeds();
    folder.mcoe("check --scenario made").succeeds();
    let truth = folder.table("made/truth/world.csv");
    assert!(truth.column("standard_error").iter().all(|cell| cell.parse() == Ok(0.0)));
    folder.mcoe("calibrate made --out found").succeeds();
    let calibrated = folder.table("found/world.csv");
    let keys = |table: &Table| -> BTreeSet<String> {
        table
            .rows
            .iter()
            .map(|row| ["client_id", "channel", "parameter"].map(|name| table.cell(row, name)).join("/"))
            .collect()
    };
    assert!(keys(&calibrated).len() > 300 && keys(&calibrated).is_subset(&keys(&truth)));
    // The truth has the columns of the table `world`, so it can serve as one.
    folder.write("made/world.csv", &folder.read("made/truth/world.csv"));
    folder.replace("made/scenario.toml", "[files]", "[files]\nworld = \"world.csv\"");
    folder.mcoe("simulate made --weeks 1 --replications 2 --out run").succeeds();
}

#[test]
fn a_generated_scenario_is_valid_and_can_be_planned_and_simulated() {
    let folder = TestFolder::new();
    let reported = folder
        .mcoe("generate --clients 9 --seed 2 --start 2026-W13 --weeks 3 --out made --format json")
        .succeeds()
        .json();
    assert_eq!((&reported["clients"], &reported["out"]), (&9.into(), &"made".into()));
    let out = folder.mcoe("check --scenario made").succeeds().out;
    assert!(out.contains("scenario `made` is valid: 9 clients"), "{out}");
    assert_eq!(folder.mcoe("plan made --out plan --format json").succeeds().json()["week"], "2026-W13");
    folder.mcoe("simulate made --replications 2 --out run").succeeds();
    assert_eq!(folder.json("run/run.json")["provenance"]["weeks"], 3);
}
