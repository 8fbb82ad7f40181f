//! Guardrails added without programming, and the effects of their verdicts.

use chrono::Timelike as _;
use mcoe::model::{Channel, ClientPlan, ConflictKind, Outcome, Plan, Post, RiskBand, ScheduleStatus, Severity};
use mcoe::rules::PackFiles;

use crate::support::{Agency, TestFolder, compiled, default_pack, pack_with_keys, plan, set_key};

const NO_EVENINGS: &str = "// A house rule.\nfn no_evenings(post, ctx) {\n    \
                           if post.hour >= ctx.params.from_hour {\n        \
                           return block(`${post.hour} h is late for ${ctx.client}`, \"post earlier\");\n    }\n    \
                           pass()\n}\n";

/// The default pack with a table in `guardrails.toml` and a script.
fn with_guardrail(table: &str, script: &str) -> PackFiles {
    let mut files = default_pack();
    files.get_mut("guardrails.toml").unwrap().push_str(table);
    files.insert("house.rhai".to_owned(), script.to_owned());
    files
}

/// The default pack with a guardrail that blocks posts from an hour of the day on.
fn no_evenings_pack(from_hour: u8) -> PackFiles {
    let table = &format!(
        "\n[no_evenings]\nenabled = true\nscope = \"post\"\nconflict = \"timing\"\nwarn_raises_risk = false\n\
                 [no_evenings.params]\nfrom_hour = {from_hour}\n"
    );
    with_guardrail(table, NO_EVENINGS)
}

fn two_shops() -> mcoe::model::Scenario {
    Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Fb, Channel::Ig])
        .with_client("bolt", "America/New_York", &[Channel::Fb])
        .scenario()
}

/// What a guardrail decided about each post that it saw.
fn outcomes(plan: &Plan, rule: &str) -> Vec<Outcome> {
    let outcome = |post: &Post| post.verdicts.iter().find(|verdict| &*verdict.rule == rule).map(|v| v.outcome);
    plan.posts().filter_map(|(_, post)| outcome(post)).collect()
}

#[test]
fn an_added_guardrail_closes_the_hours_at_which_it_blocks() {
    let without = plan(&compiled(default_pack()), &two_shops());
    let with = plan(&compiled(no_evenings_pack(15)), &two_shops());
    let is_late = |client: &ClientPlan, post: &Post| client.zone.local(post.at).hour() >= 15;
    assert!(without.posts().any(|(client, post)| is_late(client, post)), "some posts are late without the guardrail");
    assert!(with.posts().all(|(client, post)| !is_late(client, post)));
    assert_eq!(without.posts().count(), with.posts().count(), "no post is lost");
    let outcomes = outcomes(&with, "no_evenings");
    assert_eq!(outcomes.len(), with.posts().count(), "it is evaluated for every post");
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Pass), "{outcomes:?}");
    let closed = &with.clients[0].allocations[0].hours_closed_by_guardrails;
    assert!(
        closed.len() > 20 && with.clients[0].allocations[0].hours_removed.contains(&("guardrail", closed.len() as u32))
    );
}

#[test]
fn a_guardrail_that_blocks_at_every_hour_leaves_blocked_posts_and_is_listed_in_conflicts() {
    let plan = plan(&compiled(no_evenings_pack(0)), &two_shops());
    assert!(plan.posts().count() > 0);
    for (_, post) in plan.posts() {
        assert_eq!(post.status, ScheduleStatus::Blocked);
        let verdict = post.verdicts.iter().find(|verdict| &*verdict.rule == "no_evenings").unwrap();
        assert_eq!((&*verdict.file, verdict.line), ("house.rhai", 4));
        let reason = post.blocked_reason().unwrap_or_default();
        assert!(reason.starts_with("no_evenings: "), "{reason}");
    }
    let conflict =
        plan.clients[0].conflicts.iter().find(|conflict| conflict.description.starts_with("no_evenings")).unwrap();
    assert_eq!((conflict.kind, conflict.severity), (ConflictKind::Timing, Severity::High));
    assert_eq!(conflict.resolution, "post earlier");
    assert!(conflict.description.contains("is late for acme"), "{conflict:?}");
}

#[test]
fn an_added_guardrail_is_named_in_tables_and_explanations() {
    let folder = TestFolder::new();
    for (name, text) in no_evenings_pack(0) {
        folder.write(&format!("rules/{name}"), &text);
    }
    folder.mcoe("plan small --out plan --tables csv").succeeds();
    let posts = folder.table("plan/posts.csv");
    let blocked = posts.rows.iter().find(|row| posts.cell(row, "status") == "blocked").expect("a blocked post");
    assert!(posts.cell(blocked, "blocked_reason").starts_with("no_evenings: "), "{blocked:?}");
    let conflicts = folder.table("plan/conflicts.csv");
    assert!(conflicts.column("description").iter().any(|text| text.starts_with("no_evenings: ")));
    let out = folder.mcoe(&format!("explain plan --post {}", posts.cell(blocked, "post_id"))).succeeds().out;
    assert!(out.contains("no_evenings") && out.contains("block") && out.contains("house.rhai:4"), "{out}");
    folder.mcoe("simulate small --replications 2 --out run --tables csv").succeeds();
    let guardrails = folder.table("run/tables/guardrails.csv");
    let row = guardrails.rows_where(&[("rule", "no_evenings")])[0];
    assert!(guardrails.cell(row, "blocked").parse::<f64>().unwrap() > 0.0, "{row:?}");
}

#[test]
fn a_guardrail_that_closes_an_hour_is_named_when_asked_why_nothing_is_planned_there() {
    let folder = TestFolder::new();
    for (name, text) in no_evenings_pack(15) {
        folder.write(&format!("rules/{name}"), &text);
    }
    folder.mcoe("plan small --out plan --tables csv").succeeds();
    let out = folder.mcoe("explain plan --why-not kettle-lane/ig/2026-10-20T16:00").succeeds().out;
    assert!(out.contains("no_evenings blocks a post there") && out.contains("house.rhai:4"), "{out}");
}

#[test]
fn a_channel_week_guardrail_applies_to_all_posts_of_the_week() {
    let table = "\n[no_ig]\nenabled = true\nscope = \"channel_week\"\nconflict = \"policy\"\nwarn_raises_risk = true\n";
    let script = "fn no_ig(ctx) {\n    if ctx.channel == \"ig\" && ctx.weekly_posts > 3 {\n        \
                  return warn(`${ctx.client} posts much on ig`, \"post less\");\n    }\n    pass()\n}\n";
    let files = with_guardrail(table, script);
    let plan = plan(&compiled(files), &two_shops());
    for (_, post) in plan.posts() {
        let verdict = post.verdicts.last().unwrap();
        let expected = if post.channel == Channel::Ig { Outcome::Warn } else { Outcome::Pass };
        assert_eq!((&*verdict.rule, verdict.outcome), ("no_ig", expected));
    }
    let conflict = plan.clients[0].conflicts.iter().find(|conflict| conflict.description.starts_with("no_ig")).unwrap();
    assert_eq!((conflict.kind, conflict.severity), (ConflictKind::Policy, Severity::Medium));
    assert_eq!((conflict.channel, conflict.affected), (Some(Channel::Ig), 7));
    assert!(plan.clients[1].conflicts.iter().all(|conflict| !conflict.description.starts_with("no_ig")));
}

#[test]
fn a_warning_raises_the_risk_only_if_the_rule_says_so() {
    let table = |raises: bool| {
        format!("\n[cautious]\nenabled = true\nscope = \"post\"\nconflict = \"asset\"\nwarn_raises_risk = {raises}\n")
    };
    let script = "fn cautious(post, ctx) {\n    warn(\"look again\", \"look\")\n}\n";
    let bands = |raises: bool| -> Vec<RiskBand> {
        let mut files = with_guardrail(&table(raises), script);
        set_key(&mut files, "risk.toml", "minus_per_warning", "0.0");
        plan(&compiled(files), &two_shops()).posts().map(|(_, post)| post.risk).collect()
    };
    assert!(bands(false).iter().all(|band| *band == RiskBand::Low), "{:?}", bands(false));
    assert!(bands(true).iter().all(|band| *band == RiskBand::Medium), "{:?}", bands(true));
}

#[test]
fn a_disabled_guardrail_is_not_evaluated() {
    let rules = compiled(pack_with_keys(&[("guardrails.toml", "early_warning.enabled", "false")]));
    let plan = plan(&rules, &two_shops());
    assert!(outcomes(&plan, "early_warning").is_empty());
    assert_eq!(outcomes(&plan, "truth_layer").len(), plan.posts().count());
}

#[test]
fn a_later_guardrail_sees_how_many_warned_before_it() {
    let table = "\n[first]\nenabled = true\nscope = \"post\"\nconflict = \"asset\"\nwarn_raises_risk = false\n\
                 [second]\nenabled = true\nscope = \"post\"\nconflict = \"asset\"\nwarn_raises_risk = false\n";
    let script = "fn first(post, ctx) { warn(\"one\", \"none\") }\n\
                  fn second(post, ctx) { if post.warnings > 0 { block(\"two\", \"none\") } else { pass() } }\n";
    let plan = plan(&compiled(with_guardrail(table, script)), &two_shops());
    assert!(plan.posts().all(|(_, post)| post.blocked_reason().as_deref() == Some("second: two")));
}

#[test]
fn blocked_posts_add_no_fatigue_and_do_not_count_towards_the_daily_limit() {
    let table = "\n[no_ig]\nenabled = true\nscope = \"post\"\nconflict = \"policy\"\nwarn_raises_risk = false\n";
    let script =
        "fn no_ig(post, ctx) { if ctx.channel == \"ig\" { block(\"not on ig\", \"none\") } else { pass() } }\n";
    let plan = plan(&compiled(with_guardrail(table, script)), &two_shops());
    let live_count =
        |channel: Channel| plan.clients[0].posts.iter().filter(move |p| p.channel == channel && p.is_live()).count();
    assert!(live_count(Channel::Fb) > 0 && live_count(Channel::Ig) == 0);
    let fatigue_of = |channel: Channel| {
        let posts = plan.clients[0].posts.iter().filter(move |post| post.channel == channel);
        posts.map(|post| (post.is_live(), post.hour, post.fatigue)).collect::<Vec<_>>()
    };
    for channel in [Channel::Fb, Channel::Ig] {
        let mut expected = 0.0;
        let mut last = 0;
        for (is_live, hour, fatigue) in fatigue_of(channel) {
            expected *= libm::exp2(-((hour - last) as f64) / 48.0);
            last = hour;
            assert!((fatigue - expected).abs() < 1e-9, "{channel} at {hour}: {fatigue} is not {expected}");
            expected += if is_live { 0.1 } else { 0.0 };
        }
    }
}
