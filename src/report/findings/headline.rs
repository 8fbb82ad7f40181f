//! The section on results: totals, their uncertainty, and the outcome of the wanted posts.

use super::{Block, Card, Cell, Section, Table, Term};
use crate::report::numbers::{EQUAL, above_or_below, count, count_with_noun, percent, range, share, whole};
use crate::simulator::{Headline, Simulation, WeekSummary};
use crate::stats::Estimate;

/// The section.
pub fn section(simulation: &Simulation) -> Section {
    Section {
        id: "results",
        title: "Results",
        blocks: vec![
            Block::paragraph(&summary(simulation)),
            Block::paragraph(&uncertainty(simulation)),
            Block::Cards { cards: cards(simulation) },
            Block::Terms { terms: terms(simulation.provenance.committed_posts > 0) },
            Block::Figure { name: "engagement" },
            Block::Table { table: post_funnel(simulation) },
            Block::Figure { name: "posts" },
        ],
    }
}

fn summary(simulation: &Simulation) -> String {
    let Headline { net_worth, engagement, hours_of_work, expected_engagement, posts_wanted, posts_drafted, .. } =
        &simulation.headline;
    let committed = simulation.provenance.committed_posts;
    if posts_wanted.mean <= 0.0 {
        return without_wanted(committed, engagement);
    }
    let committed_sentence = match committed {
        0 => String::new(),
        1 => " One of them was committed before the run.".to_owned(),
        many => format!(" {} of them were committed before the run.", whole(many.into())),
    };
    let spread = |estimate: &Estimate| {
        let ends = [estimate.p5, estimate.p95];
        estimate.interval.map_or(String::new(), |_| format!(" (5 to 95\u{a0}% of replications: {})", range(ends)))
    };
    let expectation = match above_or_below(engagement.mean, expected_engagement.mean) {
        Some(deviation) if deviation == EQUAL => " The engagements are what the planner expected.".to_owned(),
        Some(deviation) => format!(" The engagements are {deviation} what the planner expected."),
        None => String::new(),
    };
    format!(
        "Of {} wanted posts, {} ({}) became drafts.{committed_sentence} The net worth of the drafts was {}{}: they \
         earned {} engagements{} and took {} of work.{expectation}",
        count(posts_wanted.mean),
        count(posts_drafted.mean),
        percent(share(posts_drafted.mean, posts_wanted.mean)),
        count(net_worth.mean),
        spread(net_worth),
        count(engagement.mean),
        spread(engagement),
        count_with_noun(hours_of_work.mean, "hour", "hours"),
    )
}

fn without_wanted(committed: u32, engagement: &Estimate) -> String {
    if committed == 0 {
        return "The rules wanted no posts, so nothing was planned.".to_owned();
    }
    let posts = count_with_noun(committed.into(), "post", "posts");
    let earned = count(engagement.mean);
    format!("The rules wanted no posts. The {posts} committed before the run earned {earned} engagements.")
}

fn uncertainty(simulation: &Simulation) -> String {
    match simulation.provenance.replications {
        0 | 1 => {
            "One replication was run, so there are no intervals: with other random numbers the results may be very \
             different. Run at least 20 replications before you act on a difference."
                .to_owned()
        }
        many => format!(
            "Every number is the mean over {many} replications. Each replication simulates the same weeks with a different \
             true response of the audiences and different random numbers. Nine out of ten replications lie between the \
             5\u{a0}% and the 95\u{a0}% quantile: this is the range of results to expect. The Monte Carlo error is the \
             95\u{a0}% interval of the mean; it shrinks with more replications."
        ),
    }
}

fn cards(simulation: &Simulation) -> Vec<Card> {
    let totals = &simulation.headline;
    let weeks = f64::from(simulation.provenance.weeks.max(1));
    let planned = totals.posts_planned.mean;
    let per_draft = share(totals.engagement.mean, totals.posts_drafted.mean);
    vec![
        card("Net worth", &totals.net_worth, 1.0, Some("worth of the engagements less the cost".to_owned())),
        card("Engagements", &totals.engagement, 1.0, None),
        card("Hours of work", &totals.hours_of_work, 1.0, None),
        card("Cost", &totals.cost, 1.0, Some("of the work and of people who unsubscribed or unfollowed".to_owned())),
        card("Audience at the end", &totals.audience_end, 1.0, audience_lost(&simulation.weekly)),
        card(
            "Drafts",
            &totals.posts_drafted,
            1.0,
            share_note(&totals.posts_drafted, totals.posts_wanted.mean, "wanted"),
        ),
        Card {
            label: "Engagements per draft",
            value: per_draft.map_or_else(|| percent(None), count),
            lines: vec!["engagements divided by drafts".to_owned()],
        },
        card("Blocked posts", &totals.posts_blocked, 1.0, share_note(&totals.posts_blocked, planned, "planned")),
        card("Reviews per week", &totals.reviews, weeks, busiest(&simulation.weekly)),
        card(
            "Rejected by a reviewer",
            &totals.rejected,
            1.0,
            share_note(&totals.rejected, totals.reviews.mean, "reviewed"),
        ),
        card(
            "Not approved in time",
            &totals.expired,
            1.0,
            share_note(&totals.expired, totals.reviews.mean, "reviewed"),
        ),
        card(
            "Posts without an asset",
            &totals.without_asset,
            1.0,
            share_note(&totals.without_asset, planned, "planned"),
        ),
    ]
}

/// A card of an estimate, divided by `divisor`.
fn card(label: &'static str, estimate: &Estimate, divisor: f64, note: Option<String>) -> Card {
    let mut lines: Vec<String> = note.into_iter().collect();
    if let Some(ends) = estimate.interval {
        lines.push(format!(
            "5 to 95\u{a0}% of replications: {}",
            range([estimate.p5 / divisor, estimate.p95 / divisor])
        ));
        lines.push(format!("Monte Carlo error: {}", range(ends.map(|end| end / divisor))));
    }
    Card { label, value: count(estimate.mean / divisor), lines }
}

/// A card's note, such as `20 % of 50 planned`.
fn share_note(part: &Estimate, whole: f64, whole_name: &str) -> Option<String> {
    share(part.mean, whole).map(|share| format!("{} of {} {whole_name}", percent(Some(share)), count(whole)))
}

/// By how much the audience shrank after the first week.
fn audience_lost(weekly: &[WeekSummary]) -> Option<String> {
    let [first, .., last] = weekly else { return None };
    let lost = share(first.audience_end - last.audience_end, first.audience_end)?;
    Some(format!("{} fewer than after the first week", percent(Some(lost))))
}

fn busiest(weekly: &[WeekSummary]) -> Option<String> {
    let busiest = weekly.iter().max_by(|a, b| a.reviews.total_cmp(&b.reviews))?;
    (weekly.len() > 1 && busiest.reviews > 0.0).then(|| format!("most in {}: {}", busiest.week, count(busiest.reviews)))
}

fn terms(has_committed: bool) -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    let committed =
        term("Committed", "a post that was committed before the run. It is not planned again, and counts as a draft.");
    let terms = vec![
        term("Wanted", "posts per week that the rules want on a channel, before the reduction for fatigue."),
        term("Planned", "a post that has been assigned an hour of the week."),
        term(
            "Draft",
            "a planned post that was not blocked and, if needed, was approved in time. Nothing is published.",
        ),
        term(
            "Net worth",
            "engagements times their worth on the channel, less the cost of working hours and of people who \
             unsubscribed or unfollowed. Worth and cost are assumptions of the rules. The unit is one engagement on a \
             channel whose worth is 1.",
        ),
        term(
            "Audience",
            "people over all channels. Some leave at every post; newcomers are not simulated. How many leave is an \
             assumption of the scenario.",
        ),
        term("Engagement", "a like, comment, share, click or open that a draft would get if published."),
    ];
    terms.into_iter().chain(has_committed.then_some(committed)).collect()
}

/// A row of the table from wanted posts to drafts.
struct Step {
    label: &'static str,
    posts: f64,
    /// Whether the row is a total, not a change from one total to the next.
    is_total: bool,
    /// Whether the pack's `weekly_posts` function made the change.
    is_by_function: bool,
}

impl Step {
    const fn total(label: &'static str, posts: f64) -> Self {
        Self { label, posts, is_total: true, is_by_function: false }
    }

    const fn change(label: &'static str, posts: f64) -> Self {
        Self { label, posts, is_total: false, is_by_function: false }
    }

    const fn change_by_function(label: &'static str, posts: f64) -> Self {
        Self { label, posts, is_total: false, is_by_function: true }
    }
}

fn post_funnel(simulation: &Simulation) -> Table {
    let totals = &simulation.headline;
    let wanted = totals.posts_wanted.mean;
    let planned = totals.posts_planned.mean;
    let committed = f64::from(simulation.provenance.committed_posts);
    let not_drafted = [totals.posts_blocked.mean, totals.rejected.mean, totals.expired.mean];
    let [blocked, rejected, expired] = not_drafted;
    let rest = planned + committed - not_drafted.iter().sum::<f64>() - totals.posts_drafted.mean;
    let mut steps = vec![Step::total("Wanted by the rules", wanted)];
    steps.extend(before_planning(simulation));
    steps.extend([
        Step::total("Planned", planned),
        Step::change("blocked", -blocked),
        Step::change("rejected by a reviewer", -rejected),
        Step::change("not approved in time", -expired),
    ]);
    if rest > 0.5 {
        steps.push(Step::change("not drafted for another reason", -rest));
    }
    if committed > 0.0 {
        steps.push(Step::change("already committed", committed));
    }
    steps.push(Step::total("Drafts", totals.posts_drafted.mean));
    let row = |Step { label, posts, is_total, is_by_function }: Step| {
        // Small differences are rounding errors of the means.
        let posts = if posts.abs() < 0.05 { 0.0 } else { posts };
        let detail = is_by_function.then(|| "the pack's weekly_posts function".to_owned());
        let name = Cell { strong: is_total, detail, ..Cell::text(label) };
        vec![name, Cell::count(posts), Cell::percent(share(posts, wanted))]
    };
    Table::new("From wanted posts to drafts", "Step", &["Posts", "Of wanted"], steps.into_iter().map(row).collect())
}

/// The changes from wanted to planned posts.
fn before_planning(simulation: &Simulation) -> Vec<Step> {
    let changes = simulation.target_changes();
    let sum = |value: fn(&WeekSummary) -> f64| simulation.weekly.iter().map(value).sum::<f64>();
    let (target, already_committed) = (sum(|week| week.posts_target), sum(|week| week.committed_in_target));
    let mut steps = vec![Step::change("reduced because of fatigue", -changes.fewer_by_fatigue)];
    if changes.fewer_by_hook > 0.0 {
        steps.push(Step::change_by_function("removed by the rules' script", -changes.fewer_by_hook));
    }
    if changes.more_by_hook > 0.0 {
        steps.push(Step::change_by_function("added by the rules' script", changes.more_by_hook));
    }
    if already_committed > 0.0 {
        steps.push(Step::change("already committed, so not planned again", -already_committed));
    }
    let without_slot = simulation.headline.posts_planned.mean - (target - already_committed);
    steps.push(Step::change("no allowed hour left that earns its cost", without_slot));
    steps
}
