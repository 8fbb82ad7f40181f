//! The section on concerns: blocked posts by rule, fatigued channels, review load, missing assets.

use super::{Block, Cell, Point, Section, Table, Term, code, plain};
use crate::report::numbers::{against, count, count_with_noun, percent, share};
use crate::simulator::{ChannelSummary, GuardrailSummary, Headline, Simulation};

/// Shortfall against expectation above which it is mentioned.
const NOTABLE_SHORTFALL: f64 = 0.02;

/// The section.
pub fn section(simulation: &Simulation) -> Section {
    let mut blocks = vec![Block::Points { points: points(simulation) }, Block::Terms { terms: terms() }];
    blocks.push(Block::Heading { id: "blocked", title: "Blocked posts by rule" });
    blocks.push(Block::Table { table: rules(&simulation.guardrails) });
    blocks.push(Block::Figure { name: "guardrails" });
    blocks.push(Block::Heading { id: "tired", title: "Channels above warn and block" });
    blocks.push(Block::Table { table: tired(&simulation.channels) });
    blocks.push(Block::Figure { name: "fatigue" });
    blocks.push(Block::Heading { id: "reviews", title: "Review load" });
    blocks.push(Block::Figure { name: "risk" });
    blocks.push(Block::Heading { id: "assets", title: "Missing and worn assets" });
    blocks.push(Block::Figure { name: "assets" });
    Section { id: "worries", title: "What to worry about", blocks }
}

fn points(simulation: &Simulation) -> Vec<Point> {
    let mut points: Vec<Point> = shortfall(simulation).into_iter().collect();
    points.extend([
        Point::or_default("Blocked posts", blocked(simulation), "No rule blocked a post."),
        Point::or_default(
            "Idle rules",
            idle_rules(&simulation.guardrails),
            "Every rule fired on some posts and let others pass.",
        ),
        Point::or_default("Tired channels", tiredness(&simulation.channels), "No channel came to its warn level."),
        Point::or_default("Review load", review_load(simulation), "No post needed a person."),
        Point::or_default("Missing assets", missing_assets(simulation), "No post was without an asset."),
    ]);
    points
}

fn shortfall(simulation: &Simulation) -> Option<Point> {
    let Headline { engagement, expected_engagement, .. } = &simulation.headline;
    let expected = expected_engagement.mean;
    let short = share(expected - engagement.mean, expected)?;
    let change = against(engagement.mean, expected).filter(|_| short > NOTABLE_SHORTFALL)?;
    let cause = match engagement.interval {
        None => "One replication cannot tell whether that is luck.",
        Some([_, high]) if high >= expected => {
            "Luck alone may do that: what was expected lies within the interval of what came."
        }
        Some(_) if simulation.provenance.committed_posts > 0 => {
            "That is more than luck: the rules that the weeks and the committed posts were planned by promise more than \
             the scenario's world gives; look at the channels and clients below for where."
        }
        Some(_) => {
            "That is more than luck: the rules promise more than the scenario's world gives; look at the channels and \
             clients below for where."
        }
    };
    Some(Point::or_default("Expectation", Some(format!("Results came {change} expectation. {cause}")), ""))
}

fn blocked(simulation: &Simulation) -> Option<String> {
    let totals = &simulation.headline;
    let worst = simulation.guardrails.iter().max_by(|a, b| a.blocked.total_cmp(&b.blocked));
    let worst = worst.filter(|worst| worst.blocked > 0.0)?;
    let blocking = simulation.guardrails.iter().filter(|rule| rule.blocked > 0.0).count();
    Some(format!(
        "{} of the posts planned ({}) were blocked. {} of {} rules blocked at least one; {} blocked most, {}.",
        count(totals.posts_blocked.mean),
        percent(share(totals.posts_blocked.mean, totals.posts_planned.mean)),
        blocking,
        simulation.guardrails.len(),
        code(&worst.rule),
        count(worst.blocked),
    ))
}

/// Rules that fired on no post, or on every one.
fn idle_rules(guardrails: &[GuardrailSummary]) -> Option<String> {
    let named = |which: &dyn Fn(&GuardrailSummary) -> bool| {
        let names: Vec<String> = guardrails.iter().filter(|rule| which(rule)).map(|rule| code(&rule.rule)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let on_none = named(&|rule| rule.warned + rule.blocked <= 0.0);
    let on_all = named(&|rule| rule.passed <= 0.0 && rule.warned + rule.blocked > 0.0 && !rule.by_engine);
    let told =
        [on_none.map(|names| format!("on no post: {names}")), on_all.map(|names| format!("on every post: {names}"))];
    let told: Vec<String> = told.into_iter().flatten().collect();
    (!told.is_empty()).then(|| {
        format!(
            "Rules that fired {}. {} says whether they could do otherwise.",
            told.join("; "),
            code("mcoe rules verify")
        )
    })
}

fn tiredness(channels: &[ChannelSummary]) -> Option<String> {
    let mut tired: Vec<&ChannelSummary> = channels.iter().filter(|channel| channel.share_above_warn > 0.0).collect();
    tired.sort_by(|a, b| b.share_above_warn.total_cmp(&a.share_above_warn));
    if tired.is_empty() {
        return None;
    }
    let listed: Vec<String> = tired
        .iter()
        .take(3)
        .map(|channel| {
            let (warn, block) = (channel.share_above_warn, channel.share_above_block);
            let blocking = if block > 0.0 { format!(", {} at block", percent(Some(block))) } else { String::new() };
            format!(
                "{} ({} of its hours at warn or above{blocking})",
                code(channel.channel.name()),
                percent(Some(warn))
            )
        })
        .collect();
    let came = if tired.len() == 1 { "came to its warn level" } else { "came to their warn level" };
    let lead = if tired.len() > listed.len() { "most of all" } else { "namely" };
    Some(format!("{} of {} channels {came}, {lead} {}.", tired.len(), channels.len(), listed.join(", ")))
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
        "Reviewers saw {} a week{peak}. They refused {} of them, and {} were answered too late.",
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
        format!(" The client that lacks most is {} ({}).", plain(&client.name), count(client.without_asset))
    });
    Some(format!(
        "{} ({} of those planned) had no asset{channel}.{client}",
        count_with_noun(missing, "post", "posts"),
        percent(share(missing, simulation.headline.posts_planned.mean)),
    ))
}

fn terms() -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    vec![
        term(
            "Fatigue",
            "how tired a client's audience on a channel is, from 0 to 1. Each post adds to it, time takes it away; \
             a tired audience engages less.",
        ),
        term("Warn", "the fatigue from which the rules warn and want fewer posts."),
        term("Block", "the fatigue from which no post may go out; also, any rule's answer that a post must not run."),
        term("Rule", "a guardrail that looks at each planned post and lets it pass, warns, or blocks it."),
        term(
            "Review",
            "a person's look at a post before it may become a draft: because its risk is medium or high, or because \
             its client lets no post run by itself. A post that is not approved before its time is not drafted.",
        ),
    ]
}

fn rules(guardrails: &[GuardrailSummary]) -> Table {
    let all: f64 = guardrails.iter().map(|rule| rule.blocked).sum();
    let mut sorted: Vec<&GuardrailSummary> = guardrails.iter().collect();
    sorted.sort_by(|a, b| b.blocked.total_cmp(&a.blocked).then(b.warned.total_cmp(&a.warned)));
    let row = |rule: &GuardrailSummary| {
        let seen = rule.passed + rule.warned + rule.blocked;
        vec![
            Cell::code(&rule.rule),
            Cell::count(rule.blocked),
            Cell::bar(share(rule.blocked, all)),
            Cell::percent(share(rule.blocked, seen)),
            Cell::count(rule.warned),
            Cell::count(rule.passed),
        ]
    };
    let columns = ["Blocked", "Of all blocks", "Of posts seen", "Warned", "Passed"];
    Table {
        note: Some("A post can be blocked by more than one rule and then counts for each.".to_owned()),
        ..Table::new(
            "Posts that each rule blocked, worst first",
            "Rule",
            &columns,
            sorted.into_iter().map(row).collect(),
        )
    }
}

fn tired(channels: &[ChannelSummary]) -> Table {
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
    let columns = ["Hours at warn or above", "Hours at block or above", "Fatigue at a post", "Warn from", "Block from"];
    let rows = sorted.into_iter().map(row).collect();
    Table::new("How much of the time each channel was tired, worst first", "Channel", &columns, rows)
}
