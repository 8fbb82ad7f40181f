//! `mcoe explain`: why this post, and why not another hour.

use serde_json::Value;

use crate::support::Workplace;

/// A plan of the small scenario's second week, in CSV.
fn planned() -> Workplace {
    let place = Workplace::new();
    place.mcoe("plan small --week 2026-W44 --out plan --tables csv").done();
    place
}

/// The id and the local time (to the minute) of a client's first post on a channel.
fn first_post(place: &Workplace, client: &str, channel: &str) -> (String, String) {
    let posts = place.table("plan/posts.csv");
    let row = posts.rows_where(&[("client_id", client), ("channel", channel)])[0];
    (posts.cell(row, "post_id").to_owned(), posts.cell(row, "local_time")[..16].to_owned())
}

#[test]
fn a_post_is_found_by_the_first_characters_of_its_id() {
    let place = planned();
    let (id, _) = first_post(&place, "kettle-lane", "fb");
    let whole = place.mcoe(&format!("explain plan --post {id}")).done().out;
    assert!(whole.starts_with(&format!("post {id}\nkettle-lane on fb, ")), "{whole}");
    for said in ["why this hour", "channels.toml:", "guardrails", "early_warning", "confidence", "band: ", "risk.toml:"]
    {
        assert!(whole.contains(said), "`{said}` is not in:\n{whole}");
    }
    assert_eq!(place.mcoe(&format!("explain plan --post {}", &id[..10])).done().out, whole);
    assert_eq!(place.mcoe(&format!("explain plan --post {}", id.to_uppercase())).done().out, whole);
}

#[test]
fn the_factors_of_an_explanation_multiply_to_the_plans_value() {
    let place = planned();
    let posts = place.table("plan/posts.csv");
    for row in &posts.rows {
        let id = posts.cell(row, "post_id");
        let reported = place.mcoe(&format!("explain plan --post {id} --format json")).done().json();
        let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} in {reported}"));
        let parts: f64 =
            reported["value_parts"].as_array().unwrap().iter().map(|part| number(&part["number"])).product();
        let value = number(&reported["slot_value"]);
        assert!((parts - value).abs() < 1e-9 * value, "{parts} is not {value}");
        let expected = value * number(&reported["quality_factor"]) * number(&reported["response"]);
        let planned: f64 = posts.cell(row, "expected_engagement").parse().unwrap();
        assert!((expected - planned).abs() < 1e-6 * planned, "{expected} is not {planned}");
        let steps: f64 =
            reported["confidence_steps"].as_array().unwrap().iter().map(|step| number(&step["change"])).sum();
        assert!((steps - number(&reported["confidence"])).abs() < 1e-6, "{reported}");
        assert_eq!(reported["verdicts"].as_array().unwrap().len(), 5);
        if let Some(asset) = reported["asset"].as_object() {
            let points: f64 = asset["parts"].as_array().unwrap().iter().map(|part| number(&part["number"])).sum();
            assert!((points.clamp(0.0, 100.0) - number(&asset["score"])).abs() < 1e-9, "{reported}");
        }
    }
}

#[test]
fn sources_name_the_line_of_the_key() {
    let place = planned();
    let (id, _) = first_post(&place, "kettle-lane", "fb");
    let reported = place.mcoe(&format!("explain plan --post {id} --format json")).done().json();
    let parts =
        reported["value_parts"].as_array().unwrap().iter().chain(reported["asset"]["parts"].as_array().unwrap());
    let mut found = 0;
    for part in parts {
        let Some((file, line)) = part["source"].as_str().unwrap().split_once(".toml:") else { continue };
        let text = place.read(&format!("rules/{file}.toml"));
        let line = text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().to_owned();
        let first_word = part["name"].as_str().unwrap().split(' ').next().unwrap().to_lowercase();
        let is_there = line.contains(&first_word) || line.contains('{');
        assert!(is_there, "{part} does not stand in `{line}`");
        found += 1;
    }
    assert!(found >= 5, "{reported}");
    let source = reported["confidence_steps"][0]["source"].as_str().unwrap();
    let line: usize = source.strip_prefix("risk.toml:").unwrap().parse().unwrap();
    let score = reported["asset"]["score"].as_f64().unwrap();
    assert!(score >= 80.0 && place.read("rules/risk.toml").lines().nth(line - 1).unwrap().contains("from = 80"));
}

#[test]
fn the_source_of_a_special_days_factor_is_the_day_or_its_kind() {
    let place = Workplace::new();
    let days = "days = [\n    { from = 2026-10-26, to = 2026-11-01, kind = \"boost\", factor = 1.5, name = \"Fair\" },\n    \
                { from = 2026-10-26, to = 2026-11-01, kind = \"boost\", name = \"Sale\" },\n]\n";
    place.write("rules/overlays/kettle.toml", &format!("scope = {{ client = \"kettle-lane\" }}\n[calendar]\n{days}"));
    place.mcoe("plan small --week 2026-W44 --out plan --tables csv").done();
    let (id, _) = first_post(&place, "kettle-lane", "fb");
    let reported = place.mcoe(&format!("explain plan --post {id} --format json")).done().json();
    let calendar = reported["value_parts"].as_array().unwrap().iter().filter(|part| part["name"] == "calendar");
    let sources: Vec<&str> = calendar.map(|part| part["source"].as_str().unwrap()).collect();
    let rules = place.read("rules/calendar.toml");
    let line = rules.lines().position(|line| line.starts_with("boost_factor")).unwrap() + 1;
    assert_eq!(sources, ["overlays/kettle.toml:4", &format!("calendar.toml:{line}")]);
}

#[test]
fn an_unknown_or_ambiguous_id_is_refused() {
    let place = planned();
    place.mcoe("explain plan --post zzz").ends_with(2).says(&["no post of the plan has the id `zzz`", "`posts` table"]);
    let ids: Vec<String> =
        place.table("plan/posts.csv").column("post_id").into_iter().map(|id| id[..1].to_owned()).collect();
    let shared = ids.iter().find(|first| ids.iter().filter(|other| other == first).count() > 1);
    let shared = shared.unwrap_or_else(|| panic!("28 posts and 16 letters: {ids:?}"));
    place.mcoe(&format!("explain plan --post {shared}")).ends_with(2).says(&["several posts", "give more of the id"]);
}

#[test]
fn a_planned_hour_is_reported_to_be_planned() {
    let place = planned();
    let (_, time) = first_post(&place, "kettle-lane", "ig");
    let line = format!("explain plan --why-not kettle-lane/ig/{time}");
    let out = place.mcoe(&line).done().out;
    assert!(out.starts_with("a post of kettle-lane on ig is planned at "), "{out}");
    let reported = place.mcoe(&format!("{line} --format json")).done().json();
    assert!(reported["planned"]["objective"].as_f64().unwrap() > 0.0, "{reported}");
}

#[test]
fn quiet_hours_are_named_with_file_and_line() {
    let place = planned();
    let line = "explain plan --why-not kettle-lane/fb/2026-10-28T03:00";
    let out = place.mcoe(line).done().out;
    assert!(out.contains("it lies in the channel's quiet hours") && out.contains("rule quiet_hours, channels.toml:"));
    let reported = place.mcoe(&format!("{line} --format json")).done().json();
    assert_eq!(reported["forbidden"]["rule"], "quiet_hours");
    let source = reported["forbidden"]["source"].as_str().unwrap().to_owned();
    let line: usize = source.strip_prefix("channels.toml:").unwrap().parse().unwrap();
    let text = place.read("rules/channels.toml");
    let before: Vec<&str> = text.lines().take(line).collect();
    assert!(before[line - 1].starts_with("quiet_hours"), "{source}");
    assert!(before.iter().rev().find(|line| line.starts_with('[')).unwrap().starts_with("[fb]"), "{source}");
}

#[test]
fn a_closed_day_is_named() {
    let place = Workplace::new();
    place.mcoe("plan small --out plan").done();
    let out = place.mcoe("explain plan --why-not orbit-repair/x/2026-10-24T12:00").done().out;
    assert!(out.contains("Moving shop") && out.contains("rule closed_day, scenario, calendar"), "{out}");
}

#[test]
fn closed_hours_are_named_with_range_file_and_line() {
    let place = Workplace::new();
    let overlay = "scope = { client = \"kettle-lane\" }\n\n[channels.fb]\n\
                   closed = [{ from = \"tuesday 09:30\", to = \"tuesday 12:00\" }]\n";
    place.write("rules/overlays/kettle.toml", overlay);
    place.mcoe("plan small --out plan").done();
    let line = "explain plan --why-not kettle-lane/fb/2026-10-20T09:00";
    let out = place.mcoe(line).done().out;
    assert!(out.contains("nothing is posted from tuesday 09:30 to tuesday 12:00"), "{out}");
    assert!(out.contains("rule closed_hours, overlays/kettle.toml:4"), "{out}");
}

#[test]
fn the_cost_of_an_hour_is_the_loss_of_the_best_week_with_it() {
    let place = planned();
    let line = "explain plan --why-not kettle-lane/fb/2026-10-28T22:00";
    let out = place.mcoe(line).done().out;
    for said in ["would cost", "planned ", "with this post", "drops", "adds"] {
        assert!(out.contains(said), "{out}");
    }
    let costs = &place.mcoe(&format!("{line} --format json")).done().json()["costs"];
    let number = |key: &str| costs[key].as_f64().unwrap();
    assert!(number("loss") > 0.0, "{costs}");
    assert!((number("objective") - number("with_it") - number("loss")).abs() < 1e-9, "{costs}");
    let takes = costs["takes"].as_array().unwrap();
    assert!(takes.iter().any(|time| time.as_str().unwrap().contains("2026-10-28 22:00")), "{costs}");
}

#[test]
fn an_hour_of_a_channel_without_posts_is_reported_as_such() {
    let place = Workplace::new();
    place.write("rules/hooks.rhai", "fn weekly_posts(ctx) { 0 }\n");
    place.mcoe("plan small --out plan").done();
    let out = place.mcoe("explain plan --why-not kettle-lane/fb/2026-10-21T09:00").done().out;
    assert!(out.contains("the rules allow the channel no post this week"), "{out}");
}

#[test]
fn questions_about_things_outside_the_plan_are_refused() {
    let place = planned();
    let why_not = |question: &str, said: &[&str]| {
        place.mcoe(&format!("explain plan --why-not {question}")).ends_with(2).says(said);
    };
    why_not("kettle-lane/fbb/2026-10-28T09:00", &["`fbb` is not a channel", "did you mean `fb`?"]);
    why_not("kettle-lane/carrier-pigeon/2026-10-28T09:00", &["`carrier-pigeon` is not a channel"]);
    why_not("kettle-lane/fb/2026-11-24T09:00", &["is not an hour of 2026-W44 in Europe/London"]);
    why_not("kettle-lane/fb/tomorrow", &["`tomorrow` is not a time", "bakery/fb/2026-09-08T09:00"]);
    why_not("kettle-lane", &["write CLIENT/CHANNEL/TIME"]);
    why_not(
        "kettle-lan/fb/2026-10-28T09:00",
        &["client `kettle-lan` is not planned for", "did you mean `kettle-lane`?"],
    );
    why_not("orbit-repair/ig/2026-10-28T09:00", &["client `orbit-repair` has no channel `ig`"]);
}

#[test]
fn a_plan_whose_scenario_changed_is_not_explained() {
    let place = planned();
    place.replace("small/channels.csv", "kettle-lane,fb,2400", "kettle-lane,fb,2500");
    let line = "explain plan --why-not kettle-lane/fb/2026-10-28T22:00";
    place.mcoe(line).ends_with(2).says(&["`small` has changed since the plan was made", "--scenario"]);
    let kept = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(crate::support::project("scenarios/small")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), kept.path().join(entry.file_name())).unwrap();
    }
    place.mcoe(&format!("{line} --scenario {}", kept.path().display())).done();
}

#[test]
fn a_plan_is_explained_by_the_rules_it_was_made_with() {
    let place = planned();
    let (id, _) = first_post(&place, "kettle-lane", "fb");
    let line = format!("explain plan --post {id}");
    let before = place.mcoe(&line).done().out;
    place.replace("rules/channels.toml", "\nhour_lift = ", "\nhour_lift = 3.0 # ");
    assert_eq!(place.mcoe(&line).done().out, before, "the pack of today says nothing of yesterday's plan");
    place.replace("plan/rules/channels.toml", "\nhour_lift = ", "\nhour_lift = 3.0 # ");
    place.mcoe(&line).ends_with(2).says(&["is not the rules pack that the plan was made with"]);
}

#[test]
fn a_folder_without_a_plan_is_refused() {
    let place = planned();
    place
        .mcoe("explain small --post a")
        .ends_with(2)
        .says(&["small/plan.json", "name a folder written by `mcoe plan`"]);
    place.replace("plan/plan.json", "\"format\":1", "\"format\":2");
    place.mcoe("explain plan --post a").ends_with(2).says(&["has format 2"]);
    place.write("plan/plan.json", "{}");
    place.mcoe("explain plan --post a").ends_with(2).says(&["is not a plan"]);
}

#[test]
fn a_verdict_is_shown_with_the_nearest_values_that_would_change_it() {
    let place = planned();
    let (id, _) = first_post(&place, "kettle-lane", "fb");
    place.mcoe(&format!("explain plan --post {id}")).done().shows(&[
        "warn  if post.fatigue were 0.5 or more\n",
        "block if ctx.high_warnings were 1 or more\n",
        "warn  if post.has_asset were false\n",
        "reads ctx.warn_at = 0.5, ctx.block_at = 0.8, post.fatigue = ",
    ]);
    let reported = place.mcoe(&format!("explain plan --post {id} --format json")).done().json();
    let fatigue =
        reported["verdicts"].as_array().unwrap().iter().find(|one| one["verdict"]["rule"] == "channel_fatigue");
    let flips = fatigue.unwrap()["flips"].as_array().unwrap();
    let rule = flips.iter().find(|flip| flip["key"] == "fatigue.block_at").unwrap();
    assert_eq!((&rule["outcome"], &rule["place"]["file"]), (&"block".into(), &"fatigue.toml".into()));
    assert_eq!(reported["risk_turns"][0]["edge"], 0.75);
}

#[test]
fn an_hour_before_the_time_of_planning_is_named_as_past() {
    let place = Workplace::new();
    place.mcoe("db load small --now 2026-10-21T12:00:00Z").done();
    place.mcoe("plan --from-database corner --week 2026-W43 --now 2026-10-21T12:00:00Z --out plan").done();
    let out = place.mcoe("explain plan --why-not kettle-lane/fb/2026-10-20T13:00").done().out;
    assert!(out.contains("it lies before the time from which the week was planned"), "{out}");
}
