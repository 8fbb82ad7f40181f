//! `mcoe import` and `mcoe generate`: where scenarios come from.

use crate::support::{Workplace, project};

const HISTORY: &str = "account,channel,published_at,utc_offset_min,content_type,reach_or_null,engagements\n\
                       tea_fb,fb,2026-08-03T09:00:00Z,60,photo,1200,48\n\
                       tea_fb,fb,2026-08-10T09:00:00Z,60,link,1000,\n\
                       tea_fb,fb,2026-08-24T13:00:00Z,60,photo,1400,70\n\
                       tea_ig,ig,2026-08-04T18:00:00Z,60,reel,,95\n\
                       repair_x,x,2026-08-20T15:00:00Z,-240,,300,9\n";

#[test]
fn a_small_history_becomes_a_scenario_that_can_be_planned() {
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
fn the_notes_of_an_import_say_what_was_not_known() {
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
fn every_bad_row_of_a_history_is_told_and_nothing_is_written() {
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

/// Imports one of the real histories that may lie beside the project, checks it, and plans its week.
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
fn the_same_seed_invents_the_same_bytes() {
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
fn an_invented_scenario_is_right_and_can_be_planned_and_simulated() {
    let place = Workplace::new();
    let told =
        place.mcoe("generate --clients 9 --seed 2 --start 2026-W13 --weeks 3 --out made --format json").done().json();
    assert_eq!((&told["clients"], &told["out"]), (&9.into(), &"made".into()));
    let out = place.mcoe("check --scenario made").done().out;
    assert!(out.contains("scenario `made` is right: 9 clients"), "{out}");
    assert_eq!(place.mcoe("plan made --out plan --format json").done().json()["week"], "2026-W13");
    place.mcoe("simulate made --replications 2 --out run").done();
    assert_eq!(place.json("run/run.json")["provenance"]["weeks"], 3);
}
