//! `mcoe import` and `mcoe generate`: where scenarios come from.

use std::collections::BTreeSet;

use mcoe::model::{Timestamp, Zone};

use crate::support::{Table, Workplace, project};

const HISTORY: &str = "account,channel,published_at,utc_offset_min,content_type,reach_or_null,engagements\n\
                       tea_fb,fb,2026-08-03T09:00:00Z,60,photo,1200,48\n\
                       tea_fb,fb,2026-08-10T09:00:00Z,60,link,1000,\n\
                       tea_fb,fb,2026-08-24T13:00:00Z,60,photo,1400,70\n\
                       tea_ig,ig,2026-08-04T18:00:00Z,60,reel,,95\n\
                       repair_x,x,2026-08-20T15:00:00Z,-240,,300,9\n";

#[test]
fn a_small_history_can_be_imported_and_planned() {
    let place = Workplace::new();
    place.write("posts.csv", HISTORY);
    let out = place.mcoe("import posts.csv --client prefix --out shop").done().out;
    assert!(out.ends_with("written to shop\n"), "{out}");
    let files = place.folder("shop");
    for name in ["scenario.toml", "clients.csv", "channels.csv", "history.csv"] {
        assert!(files.contains_key(name), "{name} is not in {:?}", files.keys());
    }
    assert_eq!(place.table("shop/clients.csv").column("client_id"), ["repair", "tea"]);
    assert_eq!(place.table("shop/history.csv").rows.len(), 5);
    place.mcoe("check --scenario shop").done();
    let head = place.mcoe("plan shop --out plan --format json").done().json();
    assert_eq!((&head["counts"]["clients"], &head["week"]), (&2.into(), &"2026-W36".into()));
}

#[test]
fn the_notes_of_an_import_name_unknown_values() {
    let place = Workplace::new();
    place.write("posts.csv", HISTORY);
    let notes = place.mcoe("import posts.csv --out shop --format json").done().json()["notes"].clone();
    assert_eq!((&notes["rows"], &notes["accounts"], &notes["clients"]), (&5.into(), &3.into(), &3.into()));
    assert_eq!(notes["rows_without_engagement"], 1);
    let rate = |client: &str| {
        let channels = place.table("shop/channels.csv");
        let row = channels.rows_where(&[("client_id", client)])[0].clone();
        channels.cell(&row, "avg_engagement_rate").to_owned()
    };
    assert!(rate("tea_fb").parse::<f64>().is_ok_and(|rate| (0.02..0.08).contains(&rate)), "{}", rate("tea_fb"));
}

#[test]
fn every_invalid_row_of_a_history_is_reported_and_nothing_is_written() {
    let place = Workplace::new();
    place
        .write("posts.csv", &HISTORY.replace("tea_ig,ig", "tea_ig,instagam").replace("2026-08-20T15", "2026-08-40T15"));
    let before = place.entries();
    place.mcoe("import posts.csv --out shop").ends_with(2).says(&[
        "row 4",
        "column `channel`",
        "row 5",
        "column `published_at`",
    ]);
    place.mcoe("import nowhere.csv --out shop").ends_with(2).says(&["nowhere.csv"]);
    place.mcoe("import posts.csv --zone Europe/Londn --out shop").ends_with(2).says(&["Europe/Londn"]);
    assert_eq!(place.entries(), before);
}

/// A post every few days for half a year, at the same local hour in `zone`.
fn posts_on_the_clock_of(zone: &str) -> String {
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
    let place = Workplace::new();
    for zone in [
        "Europe/London",
        "America/New_York",
        "Australia/Adelaide",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "Asia/Kolkata",
    ] {
        place.write("posts.csv", &posts_on_the_clock_of(zone));
        place.mcoe("import posts.csv --out shop --force").done();
        assert_eq!(place.table("shop/clients.csv").column("time_zone"), [zone]);
    }
    // An offset of UTC does not reveal the zone.
    place.write("posts.csv", "account,channel,published_at,engagements\nshop,fb,2026-08-03T09:00:00+00:00,4\n");
    place.mcoe("import posts.csv --out shop --force").done().shows(&["UTC is assumed"]);
}

#[test]
fn times_are_read_in_the_formats_of_exports() {
    let place = Workplace::new();
    let times = ["\"Mon, 03 Aug 2026 09:00:00 +0200\"", "2026-08-03 09:00 +0200", "2026-08-03T07:00:00Z"];
    for time in times {
        place.write("posts.csv", &format!("account,channel,published_at,engagements\nshop,fb,{time},4\n"));
        place.mcoe("import posts.csv --out shop --force").done();
        assert_eq!(place.table("shop/history.csv").column("published_at"), ["2026-08-03T07:00:00Z"], "{time}");
    }
    place.write("posts.csv", "account,channel,published_at,engagements\nshop,fb,2026-08-03 09:00,4\n");
    place.mcoe("import posts.csv --out late").ends_with(2).says(&["not a point in time", "UTC offset"]);
}

#[test]
fn rows_of_exports_that_overlap_count_once() {
    let place = Workplace::new();
    let (header, rows) = HISTORY.split_once('\n').unwrap();
    place.write("posts.csv", HISTORY);
    place.mcoe("import posts.csv --out once").done();
    place.write("posts.csv", &format!("{header}\n{rows}{rows}"));
    let notes = place.mcoe("import posts.csv --out twice --format json").done().json()["notes"].clone();
    assert_eq!((&notes["rows"], &notes["repeated_rows"]), (&10.into(), &5.into()));
    assert_eq!(place.folder("twice"), place.folder("once"));
    // Two posts in the same minute with different numbers are two posts.
    place.write("posts.csv", &format!("{HISTORY}tea_fb,fb,2026-08-03T09:00:00Z,60,photo,1200,49\n"));
    place.mcoe("import posts.csv --out two").done();
    assert_eq!(place.table("two/history.csv").rows.len(), 6);
}

#[test]
fn unused_headings_may_repeat() {
    let place = Workplace::new();
    let row = "shop,fb,2026-08-03T09:00:00Z,4,,\n";
    place.write("posts.csv", &format!("account,channel,published_at,engagements,Views to 95%,Views to 95%\n{row}"));
    place.mcoe("import posts.csv --out shop").done();
    place.write("posts.csv", &format!("account,channel,published_at,engagements,engagements,note\n{row}"));
    place.mcoe("import posts.csv --out other").ends_with(2).says(&["`engagements`", "occurs twice"]);
}

#[test]
fn a_cooldown_of_any_length_is_kept() {
    let place = Workplace::new();
    place.bring("small");
    let mut posts = "account,channel,published_at,content_type,reach_or_null,engagements\n".to_owned();
    for day in 0..12 {
        posts.push_str(&format!("shop,fb,2026-05-{:02}T09:00:00Z,photo,1000,{}\n", 2 * day + 1, 40 + day));
    }
    posts.push_str("shop,fb,2026-08-30T09:00:00Z,photo,1000,\n");
    place.write("posts.csv", &posts);
    place.mcoe("import posts.csv --out shop --start 2026-W37").done();
    let used = |hours: &str| {
        place.mcoe("plan shop --out plan --force --tables csv").done();
        let posts = place.table("plan/posts.csv");
        let used = posts.column("asset_id").into_iter().filter(|asset| !asset.is_empty()).count();
        println!("{used} posts with an asset under a cooldown of {hours} hours");
        used
    };
    assert!(used("168") > 0);
    // From the first of May to the seventh of September there are 3096 hours.
    place.replace("rules/assets.toml", "cooldown_hours = 168", "cooldown_hours = 3600");
    assert_eq!(used("3600"), 0);
}

#[test]
fn other_separators_are_read() {
    let place = Workplace::new();
    place.write("posts.csv", HISTORY);
    place.mcoe("import posts.csv --out comma").done();
    let with = |separator: &str| HISTORY.replace(',', separator);
    for (file, text) in [
        ("posts.csv", with(";")),
        ("posts.csv", format!("sep=;\n{}", with(";"))),
        ("posts.csv", with("\t")),
        ("posts.CSV", HISTORY.to_owned()),
    ] {
        place.write(file, &text);
        place.mcoe(&format!("import {file} --out other --force")).done();
        assert_eq!(place.folder("other"), place.folder("comma"), "{file}:\n{text}");
    }
    place.write("posts.csv", &with(";").replace("1200;48", "1200,5;48"));
    place.mcoe("import posts.csv --out decimal").ends_with(2).says(&["`1200,5` is not a number", "`1200.5`"]);
}

#[test]
fn files_that_are_not_tables_are_identified() {
    let place = Workplace::new();
    let import = |bytes: &[u8]| {
        std::fs::write(place.path("posts.csv"), bytes).unwrap();
        place.mcoe("import posts.csv --out shop").ends_with(2)
    };
    import(b"PK\x03\x04rest").says(&["a workbook (XLSX, ODS) or an archive (ZIP)", "save the sheet as CSV"]);
    import(b"\xd0\xcf\x11\xe0rest").says(&["a workbook (XLS)"]);
    let wide: Vec<u8> = HISTORY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    import(&[b"\xff\xfe".as_slice(), &wide].concat()).says(&["text in UTF-16", "save it in UTF-8"]);
}

#[test]
fn formulas_in_texts_are_escaped_and_read_back_unchanged() {
    let place = Workplace::new();
    place.write(
        "posts.csv",
        "account,channel,published_at,engagements\n\
         \"=HYPERLINK(\"\"example.org\"\")\",fb,2026-08-03T09:00:00Z,4\n\
         @tea,ig,2026-08-04T09:00:00Z,5\n'quoted,x,2026-08-05T09:00:00Z,6\n",
    );
    place.mcoe("import posts.csv --out shop").done();
    let names = ["'=HYPERLINK(\"example.org\")", "'@tea", "'quoted"];
    let written = |folder: &str| {
        let mut written: Vec<String> =
            place.table(&format!("{folder}/clients.csv")).column("name").into_iter().map(str::to_owned).collect();
        written.sort();
        written
    };
    assert_eq!(written("shop"), names);
    place.mcoe("plan shop --out plan --tables csv").done();
    for (name, bytes) in place.folder("plan").into_iter().filter(|(name, _)| name.ends_with(".csv")) {
        let text = String::from_utf8(bytes).unwrap();
        let begins = |start: &str| text.contains(&format!("\n{start}")) || text.contains(&format!(",{start}"));
        let is_harmless = !["=", "@", "\"=", "\"@"].iter().any(|start| begins(start));
        assert!(is_harmless, "{name}:\n{text}");
    }
    place.mcoe("db load shop --now 2026-08-06T08:00:00Z").done();
    let workspace = place.table("shop/clients.csv").column("workspace_id")[0].to_owned();
    place.mcoe(&format!("db export {workspace} --out exported")).done();
    assert_eq!(written("exported"), names);
}

/// Imports one of the real histories that may be next to the project, checks it, and plans its week.
fn real_history_can_be_planned(name: &str, options: &str, clients: u32) {
    let path = project("../shared/data").join(name);
    if !path.is_file() {
        println!("SKIPPED: {} is not there, so it was not imported", path.display());
        return;
    }
    let place = Workplace::new();
    let out = place.mcoe(&format!("import {} {options} --out real", path.display())).done().out;
    println!("{out}");
    place.mcoe("check --scenario real").done();
    let head = place.mcoe("plan real --out plan --format json").done().json();
    assert_eq!(head["counts"]["clients"], clients);
    assert!(head["counts"]["posts"].as_u64().unwrap() > 0, "{head}");
    place.mcoe("simulate real --weeks 1 --replications 2 --out run").done();
}

#[test]
fn the_multichannel_history_can_be_planned() {
    real_history_can_be_planned("posts_multichannel.csv", "", 23);
}

#[test]
fn the_multichannel_history_can_be_planned_by_organisation() {
    real_history_can_be_planned("posts_multichannel.csv", "--client prefix", 4);
}

#[test]
fn the_live_sellers_can_be_planned() {
    real_history_can_be_planned("posts_fb_live_sellers.csv", "--zone Asia/Bangkok", 9);
}

#[test]
fn the_communities_can_be_planned() {
    real_history_can_be_planned("posts_reddit.csv", "", 50);
}

#[test]
fn the_same_seed_generates_the_same_bytes() {
    let place = Workplace::new();
    let invented = |seed: u32| {
        place.mcoe(&format!("generate --clients 7 --seed {seed} --out made --force")).done();
        place.folder("made")
    };
    let first = invented(5);
    assert!(first == invented(5));
    assert!(first != invented(6));
}

#[test]
fn a_calibration_of_a_generated_history_can_be_compared_with_its_truth() {
    let place = Workplace::new();
    place.mcoe("generate --clients 3 --seed 4 --history-days 120 --out made").done();
    place.mcoe("check --scenario made").done();
    let truth = place.table("made/truth/world.csv");
    assert!(truth.column("standard_error").iter().all(|cell| cell.parse() == Ok(0.0)));
    place.mcoe("calibrate made --out found").done();
    let found = place.table("found/world.csv");
    let keys = |table: &Table| -> BTreeSet<String> {
        table
            .rows
            .iter()
            .map(|row| ["client_id", "channel", "parameter"].map(|name| table.cell(row, name)).join("/"))
            .collect()
    };
    assert!(keys(&found).len() > 300 && keys(&found).is_subset(&keys(&truth)));
    // The truth has the columns of the table `world`, so that it can be one.
    place.write("made/world.csv", &place.read("made/truth/world.csv"));
    place.replace("made/scenario.toml", "[files]", "[files]\nworld = \"world.csv\"");
    place.mcoe("simulate made --weeks 1 --replications 2 --out run").done();
}

#[test]
fn a_generated_scenario_is_valid_and_can_be_planned_and_simulated() {
    let place = Workplace::new();
    let reported =
        place.mcoe("generate --clients 9 --seed 2 --start 2026-W13 --weeks 3 --out made --format json").done().json();
    assert_eq!((&reported["clients"], &reported["out"]), (&9.into(), &"made".into()));
    let out = place.mcoe("check --scenario made").done().out;
    assert!(out.contains("scenario `made` is valid: 9 clients"), "{out}");
    assert_eq!(place.mcoe("plan made --out plan --format json").done().json()["week"], "2026-W13");
    place.mcoe("simulate made --replications 2 --out run").done();
    assert_eq!(place.json("run/run.json")["provenance"]["weeks"], 3);
}
