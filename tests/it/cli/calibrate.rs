//! `mcoe calibrate` and `mcoe backtest --at`, run as commands.

use crate::support::Workplace;

const HEADER: &str = "account,channel,published_at,content_type,reach_or_null,engagements\n";

/// Ninety posts of two accounts, the second with twice the engagements.
fn history() -> String {
    let row = |post: u32| {
        let (day, month) = (1 + post % 28, 1 + post / 28);
        let at = format!("2026-{month:02}-{day:02}T{:02}:00:00Z", 8 + post % 9);
        let engagements = 40 + post * 13 % 29;
        format!("tea,fb,{at},photo,,{engagements}\ncoffee,fb,{at},photo,,{}\n", 2 * engagements)
    };
    format!("{HEADER}{}", (0..90).map(row).collect::<String>())
}

#[test]
fn a_history_and_the_scenario_made_of_it_are_calibrated() {
    let place = Workplace::new();
    place.write("posts.csv", &history());
    place.mcoe("calibrate posts.csv --out calibration").done().shows(&[
        "fb (180",
        "no best hour is detectable",
        "wrote 2 overlay(s) and world.csv",
    ]);
    assert!(place.read("calibration/world.csv").contains("\ntea,fb,level,"));
    place.mcoe("import posts.csv --out mine").done();
    assert!(place.read("mine/scenario.toml").contains("world = \"world.csv\""));
    place.mcoe("simulate mine --weeks 2 --replications 3 --out run").done().shows(&["Monte Carlo error of the mean"]);
    place.mcoe("calibrate mine --previous calibration --out again").done();
    assert!(place.read("again/summary.md").contains("What changed since the last calibration"));
    let refused = place.mcoe("calibrate mine --zone Europe/London --out third").ends_with(2);
    refused.says(&["--zone Europe/London has no effect", "remedy"]);
}

#[test]
fn a_content_type_that_earns_more_is_written_and_planned_with() {
    let place = Workplace::new();
    let row = |post: u32| {
        let at = format!("2026-{:02}-{:02}T{:02}:00:00Z", 1 + post / 28, 1 + post % 28, 8 + post % 9);
        let (kind, factor) = if post.is_multiple_of(3) { ("video", 4) } else { ("photo", 1) };
        format!("tea,fb,{at},{kind},,{}\n", factor * (40 + post * 13 % 29))
    };
    place.write("posts.csv", &format!("{HEADER}{}", (0..100).map(row).collect::<String>()));
    place.mcoe("calibrate posts.csv --out calibration").done();
    let overlay = place.read("calibration/overlays/calibrated-tea.toml");
    let line = overlay.lines().find(|line| line.starts_with("content_types.video = ")).unwrap();
    assert!(line.contains(" to ") && line.contains("100 posts"), "{line}");
    place.write("rules/overlays/calibrated-tea.toml", &overlay);
    place.mcoe("import posts.csv --out mine").done();
    place.mcoe("plan mine --out plan --tables csv").done();
    let posts = place.table("plan/posts.csv");
    let explained = place.mcoe(&format!("explain plan --post {}", posts.cell(&posts.rows[0], "post_id"))).done().out;
    for said in
        ["content type ", "overlays/calibrated-tea.toml:", "; estimate ", "from the client's posts", "net worth "]
    {
        assert!(explained.contains(said), "`{said}` is not in:\n{explained}");
    }
}

#[test]
fn given_posts_are_forecast() {
    let place = Workplace::new();
    place.write("posts.csv", &history());
    let planned = "tea,fb,2026-05-01T09:00:00Z,photo,,\ntea,fb,2026-05-03T09:00:00Z,photo,,\n";
    place.write("planned.csv", &format!("{HEADER}{planned}"));
    let ran = place.mcoe("backtest posts.csv --at planned.csv --tables csv --out forecast").done();
    ran.shows(&["tea fb: 2 post(s), ", "written to forecast"]);
    let table = place.read("forecast/expectations.csv");
    assert_eq!(table.lines().count(), 4, "{table}");
    place.mcoe("backtest posts.csv --at planned.csv --horizon 2 --out other").ends_with(2).says(&["--horizon"]);
}
