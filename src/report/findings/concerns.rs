//! The section on concerns: blocked posts by rule, fatigued channels, review load, missing assets.

use super::{Block, Cell, Point, Section, Table, Term, code, plain};
use crate::report::numbers::{above_or_below, count, count_with_noun, percent, share};
use crate::simulator::{ChannelSummary, GuardrailSummary, Headline, Simulation};

/// Shortfall against the expected engagement above which the report mentions it.
const NOTABLE_SHORTFALL: f64 = 0.02;

/// The section.
pub fn section(simulation: &Simulation) -> Section {
    let mut blocks = vec![Block::Points { points: points(simulation) }, Block::Terms { terms: terms() }];
    blocks.push(Block::Heading { id: "blocked", title: "Blocked posts by rule" });
    blocks.push(Block::Table { table: rule_table(&simulation.guardrails) });
    blocks.push(Block::Figure { name: "guardrails" });
    blocks.push(Block::Heading { id: "fatigued", title: "Channels above warn and block" });
    blocks.push(Block::Table { table: fatigue_table(&simulation.channels) });
    blocks.push(Block::Figure { name: "fatigue" });
    blocks.push(Block::Heading { id: "reviews", title: "Review load" });
    blocks.push(Block::Figure { name: "risk" });
    blocks.push(Block::Heading { id: "assets", title: "Missing and reused assets" });
    blocks.push(Block::Figure { name: "assets" });
    Section { id: "concerns", title: "Concerns", blocks }
}

fn points(simulation: &Simulation) -> Vec<Point> {
    let mut points: Vec<Point> = shortfall(simulation).into_iter().collect();
    points.extend([
        Point::or_default("Blocked posts", blocked(simulation), "No rule blocked a post."),
        Point::or_default(
            "Rules with only one outcome",
            constant_rules(&simulation.guardrails),
            "Every rule warned about or blocked some posts and passed others.",
        ),
        Point::or_default(
            "Fatigued channels",
            fatigued_channels(&simulation.channels),
            "No channel reached its warn threshold.",
        ),
        Point::or_default("Review load", review_load(simulation), "No post needed approval."),
        Point::or_default("Missing assets", missing_assets(simulation), "Every post had an asset."),
    ]);
    points
}

fn shortfall(simulation: &Simulation) -> Option<Point> {
    let Headline { engagement, expected_engagement, .. } = &simulation.headline;
    let expected = expected_engagement.mean;
    let short = share(expected - engagement.mean, expected)?;
    let deviation = above_or_below(engagement.mean, expected).filter(|_| short > NOTABLE_SHORTFALL)?;
    let cause = match engagement.interval {
        None => "With one replication it is unknown whether this is random variation.",
        Some([_, high]) if high >= expected => {
            "This may be random variation: the expected value lies within the interval of the result."
        }
        Some(_) if simulation.provenance.committed_posts > 0 => {
            "This is more than random variation: the rules used to plan the weeks and the committed posts predict more \
             engagement than the simulated environment gives; see the channels and clients below."
        }
        Some(_) => {
            "This is more than random variation: the rules predict more engagement than the simulated environment \
             gives; see the channels and clients below."
        }
    };
    Some(Point::or_default("Expectation", Some(format!("Results were {deviation} expectation. {cause}")), ""))
}

fn blocked(simulation: &Simulation) -> Option<String> {
    let totals = &simulation.headline;
    let worst = simulation.guardrails.iter().max_by(|a, b| a.blocked.total_cmp(&b.blocked));
    let worst = worst.filter(|worst| worst.blocked > 0.0)?;
    let blocking = simulation.guardrails.iter().filter(|rule| rule.blocked > 0.0).count();
    Some(format!(
        "{} planned posts ({}) were blocked. {} of {} rules blocked at least one; {} blocked most, {}.",
        count(totals.posts_blocked.mean),
        percent(share(totals.posts_blocked.mean, totals.posts_planned.mean)),
        blocking,
        simulation.guardrails.len(),
        code(&worst.rule),
        count(worst.blocked),
    ))
}

/// Rules that warned about or blocked no post, or every post.
fn constant_rules(guardrails: &[GuardrailSummary]) -> Option<String> {
    let names = |is_listed: &dyn Fn(&GuardrailSummary) -> bool| {
        let names: Vec<String> =
            guardrails.iter().filter(|rule| is_listed(rule)).map(|rule| code(&rule.rule)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let for_none = names(&|rule| rule.warned + rule.blocked <= 0.0);
    let for_all = names(&|rule| rule.passed <= 0.0 && rule.warned + rule.blocked > 0.0 && !rule.by_engine);
    let parts =
        [for_none.map(|names| format!("no post: {names}")), for_all.map(|names| format!("every post: {names}"))];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Rules that warned about or blocked {}. {} shows whether they can have other outcomes.",
            parts.join("; "),
            code("mcoe rules verify")
        )
    })
}

fn fatigued_channels(channels: &[ChannelSummary]) -> Option<String> {
    let mut fatigued: Vec<&ChannelSummary> = channels.iter().filter(|channel| channel.share_above_warn > 0.0).collect();
    fatigued.sort_by(|a, b| b.share_above_warn.total_cmp(&a.share_above_warn));
    if fatigued.is_empty() {
        return None;
    }
    let listed: Vec<String> = fatigued
        .iter()
        .take(3)
        .map(|channel| {
            let (warn, block) = (channel.share_above_warn, channel.share_above_block);
            let blocking = if block > 0.0 { format!(", {} at block", percent(Some(block))) } else { String::new() };
            format!(
                "{} ({} of its hours at or above warn{blocking})",
                code(channel.channel.name()),
                percent(Some(warn))
            )
        })
        .collect();
    let reached = if fatigued.len() == 1 { "reached its warn threshold" } else { "reached their warn threshold" };
    let lead = if fatigued.len() > listed.len() { "mainly" } else { "namely" };
    Some(format!("{} of {} channels {reached}, {lead} {}.", fatigued.len(), channels.len(), listed.join(", ")))
}

fn review_load(simulation: &Simulation) -> Option<String> {
    let totals = &simulation.headline;
    if totals.reviews.mean <= 0.0 {
        return None;
    }
    let weeks = f64::from(simulation.provenance.weeks.max(1));
    let busiest = simulation.weekly.iter().max_by(|a, b| a.reviews.total_cmp(&b.reviews));
    let peak = busiest
        .filter(|_| weeks > 1.0)
        .map_or(String::new(), |week| format!(", {} in the busiest ({})", count(week.reviews), week.week));
    Some(format!(
        "Reviewers received {} per week{peak}. They rejected {} of them, and {} were not approved in time.",
        count_with_noun(totals.reviews.mean / weeks, "post", "posts"),
        percent(share(totals.rejected.mean, totals.reviews.mean)),
        percent(share(totals.expired.mean, totals.reviews.mean)),
    ))
}

fn missing_assets(simulation: &Simulation) -> Option<String> {
    let missing = simulation.headline.without_asset.mean;
    if missing <= 0.0 {
        return None;
    }
    let channel = simulation.channels.iter().max_by(|a, b| a.without_asset.total_cmp(&b.without_asset));
    let client = simulation.clients.iter().max_by(|a, b| a.without_asset.total_cmp(&b.without_asset));
    let channel = channel.map_or(String::new(), |channel| {
        format!(", most on {} ({})", code(channel.channel.name()), count(channel.without_asset))
    });
    let client = client.map_or(String::new(), |client| {
        format!(
            " The client with the most missing assets is {} ({}).",
            plain(&client.name),
            count(client.without_asset)
        )
    });
    Some(format!(
        "{} ({} of planned posts) had no asset{channel}.{client}",
        count_with_noun(missing, "post", "posts"),
        percent(share(missing, simulation.headline.posts_planned.mean)),
    ))
}

fn terms() -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    vec![
        term(
            "Fatigue",
            "how tired of posts a client's audience on a channel is, from 0 to 1. Each post adds to it, and it decays with \
             time; a fatigued audience engages less.",
        ),
        term("Warn", "the fatigue at and above which the rules warn and want fewer posts."),
        term(
            "Block",
            "the fatigue at and above which no post may run; also, what a rule does to a post that must not run.",
        ),
        term("Rule", "a guardrail, which passes, warns about or blocks each planned post."),
        term(
            "Review",
            "approval of a post by a person before it becomes a draft: because its risk is medium or high, or because \
             its client requires approval of every post. A post that is not approved in time is not drafted.",
        ),
    ]
}

fn rule_table(guardrails: &[GuardrailSummary]) -> Table {
    let all_blocks: f64 = guardrails.iter().map(|rule| rule.blocked).sum();
    let mut sorted: Vec<&GuardrailSummary> = guardrails.iter().collect();
    sorted.sort_by(|a, b| b.blocked.total_cmp(&a.blocked).then(b.warned.total_cmp(&a.warned)));
    let row = |rule: &GuardrailSummary| {
        let evaluated = rule.passed + rule.warned + rule.blocked;
        vec![
            Cell::code(&rule.rule),
            Cell::count(rule.blocked),
            Cell::bar(share(rule.blocked, all_blocks)),
            Cell::percent(share(rule.blocked, evaluated)),
            Cell::count(rule.warned),
            Cell::count(rule.passed),
        ]
    };
    let columns = ["Blocked", "Of all blocks", "Of evaluated", "Warned", "Passed"];
    Table {
        note: Some("A post that is blocked by several rules counts for each of them.".to_owned()),
        ..Table::new("Blocked posts by rule, most first", "Rule", &columns, sorted.into_iter().map(row).collect())
    }
}

fn fatigue_table(channels: &[ChannelSummary]) -> Table {
    let mut sorted: Vec<&ChannelSummary> = channels.iter().collect();
    sorted.sort_by(|a, b| {
        b.share_above_block
            .total_cmp(&a.share_above_block)
            .then(b.share_above_warn.total_cmp(&a.share_above_warn))
            .then(b.mean_fatigue.total_cmp(&a.mean_fatigue))
    });
    let row = |channel: &ChannelSummary| {
        vec![
            Cell::code(channel.channel.name()),
            Cell::bar(Some(channel.share_above_warn)),
            Cell::bar(Some(channel.share_above_block)),
            Cell::score(channel.mean_fatigue),
            Cell::score(channel.warn_at),
            Cell::score(channel.block_at),
        ]
    };
    let columns =
        ["Hours at or above warn", "Hours at or above block", "Fatigue at a post", "Warn threshold", "Block threshold"];
    let rows = sorted.into_iter().map(row).collect();
    Table::new("Share of time at or above the fatigue thresholds by channel, highest first", "Channel", &columns, rows)
}
