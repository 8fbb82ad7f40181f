//! Adds a guardrail to the default pack that allows one post a day, and prints the posts it blocks and why:
//! `cargo run -p mcoe-engine --example a_guardrail_of_ones_own`.

use std::error::Error;
use std::fmt::Write as _;

use mcoe_engine::model::Tier;
use mcoe_engine::planner::{Planner, plan_week};
use mcoe_engine::rules::PackFiles;

mod support;

/// The declaration of the guardrail, for `guardrails.toml`.
const TABLE: &str = r#"
[one_a_day]
enabled = true
scope = "post"
conflict = "policy"
warn_raises_risk = false
[one_a_day.params]
posts_at_most = 1
"#;

/// The function of the guardrail, in Rhai.
const FUNCTION: &str = r#"
/// Blocks the posts of a day after the first `posts_at_most`.
fn one_a_day(post, ctx) {
    if post.action_of_day > ctx.params.posts_at_most {
        return block(
            `it is post ${post.action_of_day} of the day`,
            "make more assets, or move the post to another day"
        );
    }
    pass()
}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", blocked_posts()?);
    Ok(())
}

fn with_guardrail(mut files: PackFiles) -> PackFiles {
    files.entry("guardrails.toml".to_owned()).or_default().push_str(TABLE);
    files.insert("one_a_day.rhai".to_owned(), FUNCTION.to_owned());
    files
}

/// The posts of the week that are blocked, with the reasons.
fn blocked_posts() -> Result<String, Box<dyn Error>> {
    let rules = support::compiled(with_guardrail(support::default_pack()?))?;
    let scenario = support::bakery("2026-W40".parse()?)?;
    let plan = plan_week(&Planner::new(&rules, Tier::Exact, None), &scenario, scenario.start)?;
    let mut text = String::new();
    for (client, post) in plan.posts() {
        if let Some(reason) = post.blocked_reason() {
            writeln!(text, "{} {}: {reason}", client.zone.local(post.at).format("%a %H:%M"), post.channel)?;
        }
    }
    Ok(text)
}

#[test]
fn the_second_post_of_a_day_is_held_with_its_reason() {
    insta::assert_snapshot!(blocked_posts().unwrap());
}
