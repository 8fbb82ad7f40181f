//! Simulates four weeks under the default pack and under one that posts more, with common random numbers:
//! `cargo run -p mcoe-engine --example compare_two_packs`.

use std::error::Error;
use std::fmt::Write as _;

use mcoe_engine::model::Tier;
use mcoe_engine::planner::Planner;
use mcoe_engine::rules::PackFiles;
use mcoe_engine::simulator::{ComparedPack, Extent, Measure, MeasureDifference, Observer, compare};

mod support;

const EXTENT: Extent = Extent { weeks: 4, replications: 40, seed: 1 };

/// Shows no progress and never stops a run.
struct Unwatched;

impl Observer for Unwatched {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", comparison()?);
    Ok(())
}

/// The default pack with twice the posts on Instagram.
fn busier(mut files: PackFiles) -> Result<PackFiles, Box<dyn Error>> {
    let channels = files.get_mut("channels.toml").ok_or("the default pack has channels")?;
    let (before, table) = channels.split_once("\n[ig]").ok_or("the pack has a table for ig")?;
    *channels = format!("{before}\n[ig]{}", table.replacen("weekly_posts = 7", "weekly_posts = 14", 1));
    Ok(files)
}

fn comparison() -> Result<String, Box<dyn Error>> {
    let scenario = support::bakery("2026-W40".parse()?)?;
    let base = support::compiled(support::default_pack()?)?;
    let other = support::compiled(busier(support::default_pack()?)?)?;
    let planners = [&base, &other].map(|rules| Planner::new(rules, Tier::Exact, None));
    let [base, other] = &planners;
    let base = ComparedPack { label: "default", planner: base, scenario: &scenario };
    let other = ComparedPack { label: "busier", planner: other, scenario: &scenario };
    let comparison = compare(base, &[other], EXTENT, None, &Unwatched)?;
    let mut text = String::new();
    for versus in &comparison.versus {
        for MeasureDifference { measure, difference, .. } in &versus.headline {
            if let (Measure::PostsDrafted | Measure::Engagement, Some([low, high])) = (measure, difference.interval) {
                let (label, mean) = (&versus.label, difference.mean);
                writeln!(text, "{label}: {measure:?} {mean:+.1} a run, 95 % interval {low:+.1} to {high:+.1}")?;
            }
        }
    }
    Ok(text)
}

#[test]
fn the_busier_pack_posts_more() {
    insta::assert_snapshot!(comparison().unwrap());
}
