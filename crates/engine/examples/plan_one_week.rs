//! Plans one week of one client under the default pack, and verifies the plan with the independent checker:
//! `cargo run -p mcoe-engine --example plan_one_week`.

use std::error::Error;
use std::fmt::Write as _;

use mcoe_engine::model::Tier;
use mcoe_engine::planner::check::check_plan;
use mcoe_engine::planner::{Planner, plan_week};

mod support;

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", planned_week()?);
    Ok(())
}

fn planned_week() -> Result<String, Box<dyn Error>> {
    let rules = support::compiled(support::default_pack()?)?;
    let scenario = support::bakery("2026-W40".parse()?)?;
    let plan = plan_week(&Planner::new(&rules, Tier::Exact, None), &scenario, scenario.start)?;
    if let Some(breach) = check_plan(&plan, &scenario, &rules).first() {
        return Err(breach.to_string().into());
    }
    let mut text = String::new();
    for (client, post) in plan.posts() {
        let local = client.zone.local(post.at).format("%a %H:%M");
        let asset = post.asset.as_ref().map_or("no asset", |choice| choice.asset_id.as_str());
        writeln!(
            text,
            "{local}  {:<3} {asset}  {:>5.1} engagements expected, {}",
            post.channel, post.expected_engagement, post.status
        )?;
    }
    writeln!(text, "{:.1} engagements expected in total", plan.expected_engagement())?;
    Ok(text)
}

#[test]
fn the_week_has_the_posts_that_the_pack_wants() {
    let text = planned_week().unwrap();
    insta::assert_snapshot!(text);
}
