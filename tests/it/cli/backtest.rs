//! `mcoe backtest`: forecasts at earlier dates, scored against actual engagement.

use crate::support::TestFolder;

/// Three accounts on two channels that post daily for 40 weeks, each at its own level with some variation.
fn history() -> String {
    let mut text = "account,channel,published_at,content_type,engagements\n".to_owned();
    for (account, channel, level) in [("tea", "fb", 60), ("coffee", "fb", 20), ("milk", "ig", 200)] {
        for day in 0_i64..280 {
            let date = chrono::NaiveDate::from_ymd_opt(2026, 1, 5).unwrap() + chrono::Days::new(day as u64);
            let hour = 7 + (day * 5) % 13;
            let kind = if day % 3 == 0 { "photo" } else { "link" };
            let engagements = level + (day * day * 31 + day * 17) % level + if kind == "photo" { level / 2 } else { 0 };
            text.push_str(&format!("{account},{channel},{date}T{hour:02}:10:00Z,{kind},{engagements}\n"));
        }
    }
    text
}

#[test]
fn a_backtest_lists_every_forecast_in_a_table() {
    let folder = TestFolder::new();
    folder.write("posts.csv", &history());
    let out = folder.mcoe("backtest posts.csv --cuts 3 --draws 200 --tables csv --out tested").succeeds().out;
    assert!(out.starts_with("tested forecasts for 3 of 3 accounts\nOver the next week: "), "{out}");
    assert!(out.ends_with("open tested/index.html\n"), "{out}");
    assert!(out.replace('\u{a0}', " ").contains(", from 9 forecasts of 3 accounts; typically "), "{out}");
    for file in ["index.html", "summary.md", "run.json", "figures/backtest-pit.svg", "figures/backtest-coverage.png"] {
        assert!(folder.path(&format!("tested/{file}")).is_file(), "{file}");
    }
    let predictions = folder.table("tested/tables/predictions.csv");
    // 3 accounts, 3 cuts, 2 horizons and 5 methods.
    assert_eq!(predictions.column("account").len(), 3 * 3 * 2 * 5);
    let number = |text: &&str| text.parse::<f64>().unwrap();
    let (low, high) = (predictions.column("q05"), predictions.column("q95"));
    assert!(low.iter().zip(&high).all(|(low, high)| number(low) <= number(high)));
    // One post a day at varying hours, so a window may hold one more or less.
    let is_usual = |posts: f64| (6.0..=8.0).contains(&posts) || (27.0..=29.0).contains(&posts);
    assert!(predictions.column("posts").iter().map(number).all(is_usual));
    let scores = folder.table("tested/tables/scores.csv");
    assert!(scores.column("coverage_90").iter().map(number).all(|share| (0.0..=1.0).contains(&share)));
}

#[test]
fn a_backtest_has_the_same_bytes_on_any_number_of_threads_and_depends_on_its_seed() {
    let folder = TestFolder::new();
    folder.write("posts.csv", &history());
    let run = |out: &str, options: &str| {
        let arguments = format!("backtest posts.csv --cuts 2 --draws 100 --tables csv {options} --out {out}");
        folder.mcoe(&arguments).succeeds();
        std::fs::read(folder.path(&format!("{out}/tables/predictions.csv"))).unwrap()
    };
    let first = run("one", "--threads 1");
    assert!(first == run("two", "--threads 2"));
    assert!(first != run("three", "--seed 2"));
}

#[test]
fn a_backtest_in_json_has_the_scores_of_every_method() {
    let folder = TestFolder::new();
    folder.write("posts.csv", &history());
    let json =
        folder.mcoe("backtest posts.csv --cuts 2 --draws 100 --horizon 4 --format json --out tested").succeeds().json();
    assert_eq!(json["notes"]["rows"], 840);
    assert_eq!(json["scores"].as_array().unwrap().len(), 5);
    assert_eq!(json["scores"][0]["method"], "model");
    assert_eq!(json["scores"][0]["score"]["predictions"], 6);
    let interval = &json["scores"][0]["error_interval"];
    let (low, high) = (interval[0].as_f64().unwrap(), interval[1].as_f64().unwrap());
    assert!(0.0 <= low && low < high, "{interval}");
    assert_eq!(json["verdicts"].as_array().unwrap().len(), 2);
}

#[test]
fn a_history_that_is_too_short_is_reported() {
    let folder = TestFolder::new();
    folder.write("posts.csv", "account,channel,published_at,engagements\ntea,fb,2026-08-03T09:00:00Z,4\n");
    folder
        .mcoe("backtest posts.csv --out tested")
        .succeeds()
        .stdout_has(&["tested forecasts for 0 of 1 accounts", "30 measured posts over 8 weeks before a cut"]);
    folder
        .mcoe("backtest posts.csv --min-posts 2 --min-days 10 --max-days-since-post 1 --out tested --force")
        .succeeds()
        .stdout_has(&["at least 2 measured posts over 10 days before a cut", "the last at most 1 day before it"]);
    let run = folder.json("tested/run.json");
    assert!(
        run["command"].as_str().unwrap().contains(" --min-posts 2 --min-days 10 --max-days-since-post 1 "),
        "{run}"
    );
    folder.write("empty.csv", "account,channel,published_at,engagements\n");
    folder
        .mcoe("backtest empty.csv --out tested --force")
        .succeeds()
        .stdout_has(&["tested forecasts for 0 of 0 accounts"]);
}

#[test]
fn untestable_input_is_refused_with_its_place() {
    let folder = TestFolder::new();
    folder.write("posts.csv", "account,channel,published_at,engagements\ntea,fbx,2026-08-03T09:00:00Z,-4\n");
    folder.mcoe("backtest posts.csv --out tested").exits_with(2).stderr_has(&["row 1", "`channel`", "`engagements`"]);
    folder.mcoe("backtest absent.csv --out tested").exits_with(2).stderr_has(&["absent.csv"]);
    for wrong in [
        "--cuts 0",
        "--horizon 0",
        "--horizon 27",
        "--horizon x",
        "--draws 5",
        "--min-posts 1",
        "--min-days 0",
        "--zone Mars/Base",
    ] {
        folder.mcoe(&format!("backtest posts.csv {wrong} --out tested")).exits_with(2);
    }
    assert!(!folder.path("tested").exists());
}
