//! What scripts can read of a post, its asset, its client and the client's day.

use mcoe::model::{Channel, Outcome, Plan, Verdict};
use mcoe::rules::PackFiles;

use crate::support::{Agency, compiled, default_pack, plan};

/// The default pack with the guardrail `own_rule`, which warns of the posts that meet a condition.
fn with_guardrail(condition: &str) -> PackFiles {
    let mut files = default_pack();
    let table = "\n[own_rule]\nscope = \"post\"\nconflict = \"policy\"\nwarn_raises_risk = false\n";
    files.entry("guardrails.toml".to_owned()).and_modify(|text| text.push_str(table));
    let body = format!("if {condition} {{ warn(\"own_rule\", \"wait\") }} else {{ pass() }}");
    files.insert("own.rhai".to_owned(), format!("fn own_rule(post, ctx) {{ {body} }}\n"));
    files
}

/// A plan under that pack for the week of Christmas Eve, a Thursday. The client and its assets have tags.
fn planned(condition: &str) -> Plan {
    let mut scenario =
        Agency::starting("2026-W52").with_client("acme", "Europe/London", &[Channel::Fb, Channel::Ig]).scenario();
    scenario.clients[0].0.tags = vec!["vegan".into(), "key account".into()];
    for asset in &mut scenario.clients[0].0.assets {
        asset.title = format!("Roasted: {}", asset.id).into();
        asset.tags = vec!["spring".into()];
    }
    plan(&compiled(with_guardrail(condition)), &scenario)
}

/// Dates of the posts that `own_rule` warned of, such as `2026-12-24`.
fn warned_dates(plan: &Plan) -> Vec<String> {
    let warns = |verdict: &Verdict| &*verdict.rule == "own_rule" && verdict.outcome == Outcome::Warn;
    let mut dates: Vec<String> = plan
        .posts()
        .filter(|(_, post)| post.verdicts.iter().any(|verdict| warns(verdict)))
        .map(|(client, post)| client.zone.wall_time(post.at).date().to_string())
        .collect();
    dates.dedup();
    dates
}

#[test]
fn a_post_has_a_date_a_month_and_a_week() {
    for condition in [
        "post.date == \"2026-12-24\"",
        "post.month == 12 && post.day == 24 && post.week == 52",
        "post.date.starts_with(\"2026-12\") && post.date.contains(\"-24\")",
        "post.date.split(\"-\")[2] == \"24\"",
    ] {
        let plan = planned(condition);
        assert_eq!(warned_dates(&plan), ["2026-12-24"], "{condition}");
    }
}

#[test]
fn tags_and_titles_can_be_read_and_searched() {
    for (condition, is_true) in [
        ("\"vegan\" in ctx.tags", true),
        ("\"meat\" in ctx.tags", false),
        ("ctx.tags.len() == 2", true),
        ("\"spring\" in post.asset_tags && !(\"autumn\" in post.asset_tags)", true),
        ("\"roasted\" in post.asset_title.to_lower()", true),
        ("post.asset_title.contains(\"Fried\")", false),
        ("post.asset_title.len() > 8", true),
    ] {
        let plan = planned(condition);
        assert_eq!(!warned_dates(&plan).is_empty(), is_true, "{condition}");
    }
}

#[test]
fn other_posts_of_the_day_can_be_read() {
    let plan = planned("ctx.channel == \"ig\" && \"fb\" in post.channels_of_day");
    let dates_on = |channel| -> Vec<String> {
        let posts = plan.posts().filter(|(_, post)| post.channel == channel);
        posts.map(|(client, post)| client.zone.wall_time(post.at).date().to_string()).collect()
    };
    let (facebook, instagram) = (dates_on(Channel::Fb), dates_on(Channel::Ig));
    let mut shared: Vec<String> = instagram.into_iter().filter(|date| facebook.contains(date)).collect();
    shared.dedup();
    assert!(!shared.is_empty());
    assert_eq!(warned_dates(&plan), shared);
    let without_warnings = planned(
        "post.hours_of_day.len() != post.channels_of_day.len() \
         || post.hour in post.hours_of_day && post.hours_of_day.len() > 9",
    );
    assert!(warned_dates(&without_warnings).is_empty());
}
