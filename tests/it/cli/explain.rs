//! `mcoe explain`: why this post, and why not another hour.

use serde_json::Value;

use crate::support::TestFolder;

/// A folder with a plan of the small scenario's second week, in CSV.
fn with_plan() -> TestFolder {
    let folder = TestFolder::new();
    folder.mcoe("plan small --week 2026-W44 --out plan --tables csv").succeeds();
    folder
}

/// The id and the local time (to the minute) of a client's first post on a channel.
fn first_post(folder: &TestFolder, client: &str, channel: &str) -> (String, String) {
    let posts = folder.table("plan/posts.csv");
    let row = posts.rows_where(&[("client_id", client), ("channel", channel)])[0];
    (posts.cell(row, "post_id").to_owned(), posts.cell(row, "local_time")[..16].to_owned())
}

#[test]
fn a_post_is_found_by_the_first_characters_of_its_id() {
    let folder = with_plan();
    let (id, _) = first_post(&folder, "kettle-lane", "fb");
    let explanation = folder.mcoe(&format!("explain plan --post {id}")).succeeds().out;
    assert!(explanation.starts_with(&format!("post {id}\nkettle-lane on fb, ")), "{explanation}");
    for text in ["why this hour", "channels.toml:", "guardrails", "early_warning", "confidence", "band: ", "risk.toml:"]
    {
        assert!(explanation.contains(text), "`{text}` is not in:\n{explanation}");
    }
    assert_eq!(folder.mcoe(&format!("explain plan --post {}", &id[..10])).succeeds().out, explanation);
    assert_eq!(folder.mcoe(&format!("explain plan --post {}", id.to_uppercase())).succeeds().out, explanation);
}

#[test]
fn the_factors_of_an_explanation_multiply_to_the_plans_value() {
    let folder = with_plan();
    let posts = folder.table("plan/posts.csv");
    for row in &posts.rows {
        let id = posts.cell(row, "post_id");
        let reported = folder.mcoe(&format!("explain plan --post {id} --format json")).succeeds().json();
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
    let folder = with_plan();
    let (id, _) = first_post(&folder, "kettle-lane", "fb");
    let reported = folder.mcoe(&format!("explain plan --post {id} --format json")).succeeds().json();
    let parts =
        reported["value_parts"].as_array().unwrap().iter().chain(reported["asset"]["parts"].as_array().unwrap());
    let mut count = 0;
    for part in parts {
        let Some((file, line)) = part["source"].as_str().unwrap().split_once(".toml:") else { continue };
        let text = folder.read(&format!("rules/{file}.toml"));
        let line = text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().to_owned();
        let first_word = part["name"].as_str().unwrap().split(' ').next().unwrap().to_lowercase();
        let is_in_line = line.contains(&first_word) || line.contains('{');
        assert!(is_in_line, "{part} is not in `{line}`");
        count += 1;
    }
    assert!(count >= 5, "{reported}");
    let source = reported["confidence_steps"][0]["source"].as_str().unwrap();
    let line: usize = source.strip_prefix("risk.toml:").unwrap().parse().unwrap();
    let score = reported["asset"]["score"].as_f64().unwrap();
    assert!(score >= 80.0 && folder.read("rules/risk.toml").lines().nth(line - 1).unwrap().contains("from = 80"));
}

#[test]
fn the_source_of_a_special_days_factor_is_the_day_or_its_kind() {
    let folder = TestFolder::new();
    let days = "days = [\n    { from = 2026-10-26, to = 2026-11-01, kind = \"boost\", factor = 1.5, name = \"Fair\" },\n    \
                { from = 2026-10-26, to = 2026-11-01, kind = \"boost\", name = \"Sale\" },\n]\n";
    folder.write("rules/overlays/kettle.toml", &format!("scope = {{ client = \"kettle-lane\" }}\n[calendar]\n{days}"));
    folder.mcoe("plan small --week 2026-W44 --out plan --tables csv").succeeds();
    let (id, _) = first_post(&folder, "kettle-lane", "fb");
    let reported = folder.mcoe(&format!("explain plan --post {id} --format json")).succeeds().json();
    let calendar = reported["value_parts"].as_array().unwrap().iter().filter(|part| part["name"] == "calendar");
    let sources: Vec<&str> = calendar.map(|part| part["source"].as_str().unwrap()).collect();
    let rules = folder.read("rules/calendar.toml");
    let line = rules.lines().position(|line| line.starts_with("boost_factor")).unwrap() + 1;
    assert_eq!(sources, ["overlays/kettle.toml:4", &format!("calendar.toml:{line}")]);
}

#[test]
fn an_unknown_or_ambiguous_id_is_refused() {
    let folder = with_plan();
    folder
        .mcoe("explain plan --post zzz")
        .exits_with(2)
        .stderr_has(&["no post of the plan has the id `zzz`", "`posts` table"]);
    let ids: Vec<String> =
        folder.table("plan/posts.csv").column("post_id").into_iter().map(|id| id[..1].to_owned()).collect();
    let shared = ids.iter().find(|first| ids.iter().filter(|other| other == first).count() > 1);
    let shared = shared.unwrap_or_else(|| panic!("28 posts have only 16 possible first characters: {ids:?}"));
    folder
        .mcoe(&format!("explain plan --post {shared}"))
        .exits_with(2)
        .stderr_has(&["several posts", "give more of the id"]);
}

#[test]
fn a_planned_hour_is_reported_to_be_planned() {
    let folder = with_plan();
    let (_, time) = first_post(&folder, "kettle-lane", "ig");
    let line = format!("explain plan --why-not kettle-lane/ig/{time}");
    let out = folder.mcoe(&line).succeeds().out;
    assert!(out.starts_with("a post of kettle-lane on ig is planned at "), "{out}");
    let reported = folder.mcoe(&format!("{line} --format json")).succeeds().json();
    assert!(reported["planned"]["objective"].as_f64().unwrap() > 0.0, "{reported}");
}

#[test]
fn quiet_hours_are_named_with_file_and_line() {
    let folder = with_plan();
    let line = "explain plan --why-not kettle-lane/fb/2026-10-28T03:00";
    let out = folder.mcoe(line).succeeds().out;
    assert!(out.contains("it lies in the channel's quiet hours") && out.contains("rule quiet_hours, channels.toml:"));
    let reported = folder.mcoe(&format!("{line} --format json")).succeeds().json();
    assert_eq!(reported["forbidden"]["rule"], "quiet_hours");
    let source = reported["forbidden"]["source"].as_str().unwrap().to_owned();
    let line: usize = source.strip_prefix("channels.toml:").unwrap().parse().unwrap();
    let text = folder.read("rules/channels.toml");
    let before: Vec<&str> = text.lines().take(line).collect();
    assert!(before[line - 1].starts_with("quiet_hours"), "{source}");
    assert!(before.iter().rev().find(|line| line.starts_with('[')).unwrap().starts_with("[fb]"), "{source}");
}

#[test]
fn a_closed_day_is_named() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan").succeeds();
    let out = folder.mcoe("explain plan --why-not orbit-repair/x/2026-10-24T12:00").succeeds().out;
    assert!(out.contains("Moving shop") && out.contains("rule closed_day, scenario, calendar"), "{out}");
}

#[test]
fn closed_hours_are_named_with_range_file_and_line() {
    let folder = TestFolder::new();
    let overlay = "scope = { client = \"kettle-lane\" }\n\n[channels.fb]\n\
                   closed = [{ from = \"tuesday 09:30\", to = \"tuesday 12:00\" }]\n";
    folder.write("rules/overlays/kettle.toml", overlay);
    folder.mcoe("plan small --out plan").succeeds();
    let line = "explain plan --why-not kettle-lane/fb/2026-10-20T09:00";
    let out = folder.mcoe(line).succeeds().out;
    assert!(out.contains("nothing is posted from tuesday 09:30 to tuesday 12:00"), "{out}");
    assert!(out.contains("rule closed_hours, overlays/kettle.toml:4"), "{out}");
}

#[test]
fn the_cost_of_an_hour_is_the_loss_of_the_best_week_with_it() {
    let folder = with_plan();
    let line = "explain plan --why-not kettle-lane/fb/2026-10-28T22:00";
    let out = folder.mcoe(line).succeeds().out;
    for text in ["would cost", "planned ", "with this post", "drops", "adds"] {
        assert!(out.contains(text), "{out}");
    }
    let costs = &folder.mcoe(&format!("{line} --format json")).succeeds().json()["costs"];
    let number = |key: &str| costs[key].as_f64().unwrap();
    assert!(number("loss") > 0.0, "{costs}");
    assert!((number("objective") - number("with_it") - number("loss")).abs() < 1e-9, "{costs}");
    let takes = costs["takes"].as_array().unwrap();
    assert!(takes.iter().any(|time| time.as_str().unwrap().contains("2026-10-28 22:00")), "{costs}");
}

#[test]
fn an_hour_of_a_channel_without_posts_is_reported_as_such() {
    let folder = TestFolder::new();
    folder.write("rules/hooks.rhai", "fn weekly_posts(ctx) { 0 }\n");
    folder.mcoe("plan small --out plan").succeeds();
    let out = folder.mcoe("explain plan --why-not kettle-lane/fb/2026-10-21T09:00").succeeds().out;
    assert!(out.contains("the rules allow the channel no post this week"), "{out}");
}

#[test]
fn questions_about_things_outside_the_plan_are_refused() {
    let folder = with_plan();
    let why_not = |question: &str, messages: &[&str]| {
        folder.mcoe(&format!("explain plan --why-not {question}")).exits_with(2).stderr_has(messages);
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
    let folder = with_plan();
    folder.replace("small/channels.csv", "kettle-lane,fb,2400", "kettle-lane,fb,2500");
    let line = "explain plan --why-not kettle-lane/fb/2026-10-28T22:00";
    folder.mcoe(line).exits_with(2).stderr_has(&["`small` has changed since the plan was made", "--scenario"]);
    let unchanged = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(crate::support::project("scenarios/small")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), unchanged.path().join(entry.file_name())).unwrap();
    }
    folder.mcoe(&format!("{line} --scenario {}", unchanged.path().display())).succeeds();
}

#[test]
fn a_plan_is_explained_by_the_rules_it_was_made_with() {
    let folder = with_plan();
    let (id, _) = first_post(&folder, "kettle-lane", "fb");
    let line = format!("explain plan --post {id}");
    let before = folder.mcoe(&line).succeeds().out;
    folder.replace("rules/channels.toml", "\nhour_lift = ", "\nhour_lift = 3.0 # ");
    assert_eq!(folder.mcoe(&line).succeeds().out, before, "a later change of the pack does not affect the explanation");
    folder.replace("plan/rules/channels.toml", "\nhour_lift = ", "\nhour_lift = 3.0 # ");
    folder.mcoe(&line).exits_with(2).stderr_has(&["is not the rules pack that the plan was made with"]);
}

#[test]
fn a_folder_without_a_plan_is_refused() {
    let folder = with_plan();
    folder
        .mcoe("explain small --post a")
        .exits_with(2)
        .stderr_has(&["small/plan.json", "name a folder written by `mcoe plan`"]);
    folder.replace("plan/plan.json", "\"format\":1", "\"format\":2");
    folder.mcoe("explain plan --post a").exits_with(2).stderr_has(&["has format 2"]);
    folder.write("plan/plan.json", "{}");
    folder.mcoe("explain plan --post a").exits_with(2).stderr_has(&["is not a plan"]);
}

#[test]
fn a_verdict_is_shown_with_the_nearest_values_that_would_change_it() {
    let folder = with_plan();
    let (id, _) = first_post(&folder, "kettle-lane", "fb");
    folder.mcoe(&format!("explain plan --post {id}")).succeeds().stdout_has(&[
        "warn  if post.fatigue were 0.5 or more\n",
        "block if ctx.high_warnings were 1 or more\n",
        "warn  if post.has_asset were false\n",
        "reads ctx.warn_at = 0.5, ctx.block_at = 0.8, post.fatigue = ",
    ]);
    let reported = folder.mcoe(&format!("explain plan --post {id} --format json")).succeeds().json();
    let fatigue =
        reported["verdicts"].as_array().unwrap().iter().find(|verdict| verdict["verdict"]["rule"] == "channel_fatigue");
    let flips = fatigue.unwrap()["flips"].as_array().unwrap();
    let rule = flips.iter().find(|flip| flip["key"] == "fatigue.block_at").unwrap();
    assert_eq!((&rule["outcome"], &rule["place"]["file"]), (&"block".into(), &"fatigue.toml".into()));
    assert_eq!(reported["risk_turns"][0]["edge"], 0.75);
}

#[test]
fn an_hour_before_the_time_of_planning_is_named_as_past() {
    let folder = TestFolder::new();
    folder.mcoe("db load small --now 2026-10-21T12:00:00Z").succeeds();
    folder.mcoe("plan --from-database corner --week 2026-W43 --now 2026-10-21T12:00:00Z --out plan").succeeds();
    let out = folder.mcoe("explain plan --why-not kettle-lane/fb/2026-10-20T13:00").succeeds().out;
    assert!(out.contains("it lies before the time from which the week was planned"), "{out}");
}
