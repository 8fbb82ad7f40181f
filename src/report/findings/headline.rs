//! The section on results: the totals, their uncertainty, and what became of the wanted posts.

use super::{Block, Card, Cell, Section, Table, Term};
use crate::report::numbers::{against, count, count_with_noun, percent, range, share, whole};
use crate::simulator::{Headline, Simulation, WeekSummary};
use crate::stats::Estimate;

/// The section.
pub fn section(simulation: &Simulation) -> Section {
    Section {
        id: "happened",
        title: "What happened",
        blocks: vec![
            Block::words(&summary(simulation)),
            Block::words(&certainty(simulation)),
            Block::Cards { cards: cards(simulation) },
            Block::Terms { terms: terms(simulation.provenance.committed_posts > 0) },
            Block::Figure { name: "engagement" },
            Block::Table { table: losses(simulation) },
            Block::Figure { name: "posts" },
        ],
    }
}

fn summary(simulation: &Simulation) -> String {
    let Headline { engagement, expected_engagement, posts_wanted, posts_drafted, .. } = &simulation.headline;
    let committed = simulation.provenance.committed_posts;
    if posts_wanted.mean <= 0.0 {
        return without_wanted(committed, engagement);
    }
    let before = match committed {
        0 => String::new(),
        1 => " One of them was committed before the run.".to_owned(),
        many => format!(" {} of them were committed before the run.", whole(many.into())),
    };
    let interval = engagement.interval.map_or(String::new(), |ends| format!(" (95\u{a0}% interval {})", range(ends)));
    let reality = match against(engagement.mean, expected_engagement.mean) {
        Some(same) if same == "as" => " That is what the planner expected of them.".to_owned(),
        Some(change) => format!(" That is {change} what the planner expected of them."),
        None => String::new(),
    };
    format!(
        "Of {} posts wanted, {} ({}) became drafts.{before} The drafts earned {} engagements{interval}.{reality}",
        count(posts_wanted.mean),
        count(posts_drafted.mean),
        percent(share(posts_drafted.mean, posts_wanted.mean)),
        count(engagement.mean),
    )
}

fn without_wanted(committed: u32, engagement: &Estimate) -> String {
    if committed == 0 {
        return "The rules wanted no posts, so nothing was planned and nothing earned.".to_owned();
    }
    let posts = count_with_noun(committed.into(), "post", "posts");
    let earned = count(engagement.mean);
    format!("The rules wanted no posts. The {posts} committed before the run earned {earned} engagements.")
}

fn certainty(simulation: &Simulation) -> String {
    match simulation.provenance.replications {
        0 | 1 => "One replication was run, so no interval can be given: another run with other luck may lie far \
                  from these numbers. Run at least 20 replications before you act on a difference."
            .to_owned(),
        many => format!(
            "Every number is the mean of {many} replications: the same weeks with other luck. The 95\u{a0}% interval \
             says where that mean lies; nine runs in ten fall in the wider range, from the 5\u{a0}% to the \
             95\u{a0}% quantile."
        ),
    }
}

fn cards(simulation: &Simulation) -> Vec<Card> {
    let totals = &simulation.headline;
    let weeks = f64::from(simulation.provenance.weeks.max(1));
    let planned = totals.posts_planned.mean;
    let per_draft = share(totals.engagement.mean, totals.posts_drafted.mean);
    vec![
        card("Engagements", &totals.engagement, 1.0, None),
        card("Drafts", &totals.posts_drafted, 1.0, of(&totals.posts_drafted, totals.posts_wanted.mean, "wanted")),
        Card {
            label: "Engagements a draft",
            value: per_draft.map_or_else(|| percent(None), count),
            lines: vec!["all engagements over all drafts".to_owned()],
        },
        card("Blocked posts", &totals.posts_blocked, 1.0, of(&totals.posts_blocked, planned, "planned")),
        card("Reviews a week", &totals.reviews, weeks, busiest(&simulation.weekly)),
        card("Refused by a reviewer", &totals.rejected, 1.0, of(&totals.rejected, totals.reviews.mean, "reviewed")),
        card("Answered too late", &totals.expired, 1.0, of(&totals.expired, totals.reviews.mean, "reviewed")),
        card("Posts without an asset", &totals.without_asset, 1.0, of(&totals.without_asset, planned, "planned")),
    ]
}

/// A card of an estimate, divided by `per`.
fn card(label: &'static str, estimate: &Estimate, per: f64, note: Option<String>) -> Card {
    let mut lines: Vec<String> = note.into_iter().collect();
    if let Some(ends) = estimate.interval {
        lines.push(format!("95\u{a0}% interval {}", range(ends.map(|end| end / per))));
        lines.push(format!("nine in ten {}", range([estimate.p5 / per, estimate.p95 / per])));
    }
    Card { label, value: count(estimate.mean / per), lines }
}

fn of(part: &Estimate, whole: f64, what: &str) -> Option<String> {
    share(part.mean, whole).map(|share| format!("{} of {} {what}", percent(Some(share)), count(whole)))
}

fn busiest(weekly: &[WeekSummary]) -> Option<String> {
    let busiest = weekly.iter().max_by(|a, b| a.reviews.total_cmp(&b.reviews))?;
    (weekly.len() > 1 && busiest.reviews > 0.0).then(|| format!("most in {}: {}", busiest.week, count(busiest.reviews)))
}

fn terms(has_committed: bool) -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    let committed =
        term("Committed", "a post that was committed before the run. It goes out as it stands and is a draft.");
    let terms = vec![
        term("Wanted", "posts a week that the rules ask for on a channel, before fatigue lowers them."),
        term("Planned", "a post that was given an hour of the week."),
        term("Draft", "a planned post that nothing blocked and that was approved in time. Nothing is ever published."),
        term("Engagement", "a like, comment, share, click or open that a draft would have earned if published."),
    ];
    terms.into_iter().chain(has_committed.then_some(committed)).collect()
}

/// Labels of the changes that the pack's `weekly_posts` function makes to the target.
const FEWER_BY_HOOK: &str = "given up because the hook asked for fewer";
const MORE_BY_HOOK: &str = "added because the hook asked for more";

fn losses(simulation: &Simulation) -> Table {
    let totals = &simulation.headline;
    let wanted = totals.posts_wanted.mean;
    let planned = totals.posts_planned.mean;
    let committed = f64::from(simulation.provenance.committed_posts);
    let lost = [totals.posts_blocked.mean, totals.rejected.mean, totals.expired.mean];
    let [blocked, rejected, expired] = lost;
    let rest = planned + committed - lost.iter().sum::<f64>() - totals.posts_drafted.mean;
    let mut steps = vec![("Wanted by the rules", wanted)];
    steps.extend(before_planning(simulation));
    steps.extend([
        ("Planned", planned),
        ("blocked", -blocked),
        ("refused by a reviewer", -rejected),
        ("answered too late", -expired),
    ]);
    if rest > 0.5 {
        steps.push(("not drafted for another reason", -rest));
    }
    if committed > 0.0 {
        steps.push(("committed already", committed));
    }
    steps.push(("Drafts", totals.posts_drafted.mean));
    let row = |(step, posts): (&str, f64)| {
        let posts = if posts.abs() < 0.05 { 0.0 } else { posts };
        let strong = step.starts_with(char::is_uppercase);
        let by_hook = [FEWER_BY_HOOK, MORE_BY_HOOK].contains(&step);
        let detail = by_hook.then(|| "the pack's weekly_posts function".to_owned());
        vec![Cell { strong, detail, ..Cell::text(step) }, Cell::count(posts), Cell::percent(share(posts, wanted))]
    };
    Table::new("Where the wanted posts went", "Step", &["Posts", "Of wanted"], steps.into_iter().map(row).collect())
}

/// Why not every wanted post was planned.
fn before_planning(simulation: &Simulation) -> Vec<(&'static str, f64)> {
    let changes = simulation.target_changes();
    let sum = |part: fn(&WeekSummary) -> f64| simulation.weekly.iter().map(part).sum::<f64>();
    let (target, taken) = (sum(|week| week.posts_target), sum(|week| week.committed_in_target));
    let mut steps = vec![("given up because the channel was tired", -changes.fewer_by_fatigue)];
    if changes.fewer_by_hook > 0.0 {
        steps.push((FEWER_BY_HOOK, -changes.fewer_by_hook));
    }
    if changes.more_by_hook > 0.0 {
        steps.push((MORE_BY_HOOK, changes.more_by_hook));
    }
    if taken > 0.0 {
        steps.push(("committed already, so not planned again", -taken));
    }
    steps.push(("without a place in the week", simulation.headline.posts_planned.mean - (target - taken)));
    steps
}
