//! `mcoe explain`: explains why a post is planned, or why none is at a given hour.

use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::NaiveDateTime;
use clap::Args;
use uuid::Uuid;

use super::failure::Failure;
use super::plan_folder::PlanFolder;
use super::{Format, Globals, print};
use crate::model::digits::short;
use crate::model::{Channel, ClientId, ClientPlan, LimitUse, Plan, Post, parse_wall_time, wall_time_text};
use crate::planner::{self, BandThreshold, ExplanationStep, PostExplanation, VerdictExplanation, WhyNot};
use crate::rules::Counterfactual;

/// Explain why a post is planned, or why none is planned at a given hour.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe explain plan --post 0b7f…\n  mcoe explain plan --why-not bakery/fb/2026-09-08T09:00\n\nThe post's id is in the plan's table `posts`, which a spreadsheet can open if it was written with\n`mcoe plan --tables csv`; the start of the id is enough. The scenario must be unchanged since planning."
)]
pub(super) struct Explain {
    /// Folder written by `mcoe plan`.
    plan: PathBuf,
    /// Id of a post, or the start of it.
    #[arg(long, value_name = "ID", required_unless_present = "why_not", conflicts_with = "why_not")]
    post: Option<String>,
    /// A client's id, a channel and an hour on the client's clock.
    #[arg(long, value_name = "CLIENT/CHANNEL/TIME")]
    why_not: Option<Question>,
    /// Folder of the scenario, if it has been moved since planning.
    #[arg(long, value_name = "DIR")]
    scenario: Option<PathBuf>,
}

/// The argument of `--why-not`.
#[derive(Debug, Clone)]
struct Question {
    client: ClientId,
    channel: Channel,
    at: NaiveDateTime,
}

impl std::str::FromStr for Question {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let remedy = "write CLIENT/CHANNEL/TIME, such as bakery/fb/2026-09-08T09:00";
        let mut parts = text.rsplitn(3, '/');
        let (Some(at), Some(channel), Some(client)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(remedy.to_owned());
        };
        let channel = channel.parse().map_err(|error: crate::model::UnknownChannel| {
            let nearest = crate::diagnostic::nearest(channel, Channel::names());
            nearest.map_or_else(|| format!("{error}; {remedy}"), |name| format!("{error}; did you mean `{name}`?"))
        })?;
        let at = parse_wall_time(at).ok_or_else(|| format!("`{at}` is not a time; {remedy}"))?;
        Ok(Self { client: ClientId::new(client), channel, at })
    }
}

impl Explain {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let PlanFolder { head, rules, scenario } = PlanFolder::read(&self.plan, self.scenario.as_deref(), globals)?;
        let planner = head.planner(&rules);
        if let Some(question) = &self.why_not {
            let answer =
                planner::why_not(&planner, &scenario, head.week, &question.client, question.channel, question.at)?;
            return print_answer(globals, &answer, || why_not_text(question, &answer));
        }
        let plan = head.plan_again(&planner, &scenario)?;
        let PlannedPost { client, post, id } = find_post(&plan, self.post.as_deref().unwrap_or_default())?;
        let explanation = planner::explain_post(&planner, &scenario, head.week, client, post)?;
        print_answer(globals, &explanation, || post_text(&id, &explanation))
    }
}

/// A post of a plan, with its client and id.
struct PlannedPost<'p> {
    client: &'p ClientPlan,
    post: &'p Post,
    id: Uuid,
}

/// The one post whose id starts with the given prefix.
fn find_post<'p>(plan: &'p Plan, prefix: &str) -> Result<PlannedPost<'p>, Failure> {
    let posts = plan.posts().map(|(client, post)| {
        let id = plan.post_id(&client.client_id, post);
        PlannedPost { client, post, id }
    });
    let mut matching = posts.filter(|post| post.id.to_string().starts_with(&prefix.to_lowercase()));
    let remedy = "take an id from the plan's `posts` table";
    match (matching.next(), matching.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Failure::input(format!("no post of the plan has the id `{prefix}`"), remedy)),
        (Some(_), Some(_)) => {
            Err(Failure::input(format!("several posts have ids that begin with `{prefix}`"), "give more of the id"))
        }
    }
}

fn print_answer(
    globals: &Globals,
    answer: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if globals.format == Format::Json {
        let json = serde_json::to_string(answer).map_err(Failure::system)?;
        return print(&format!("{json}\n"));
    }
    print(&text())
}

/// The explanation of a post as text.
fn post_text(id: &Uuid, post: &PostExplanation) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write_post(&mut text, id, post);
    text
}

fn write_post(text: &mut String, id: &Uuid, post: &PostExplanation) -> std::fmt::Result {
    writeln!(text, "post {id}")?;
    writeln!(text, "{} on {}, {} ({} UTC)", post.client_id, post.channel, post.local_time, post.scheduled_for)?;
    writeln!(text, "{}, {} risk, priority {:.0}\n", post.status, post.risk, post.priority)?;
    let value = short(post.slot_value);
    writeln!(text, "why this hour: worth {value} engagements with an average asset on a rested channel")?;
    write_steps(text, &post.value_parts)?;
    let (better, allowed) = (post.better_hours, post.allowed_hours);
    writeln!(text, "  {better} of {allowed} allowed hours of the week are worth more, spacing and fatigue aside")?;
    let (fatigue, response) = (short(post.fatigue), short(post.response * 100.0));
    writeln!(text, "\nfatigue at this hour {fatigue}: a post earns {response} % of its value")?;
    write_steps(text, &post.response_parts)?;
    write_asset(text, post)?;
    let factors = [post.slot_value, post.quality_factor, post.response].map(short).join(" x ");
    writeln!(text, "\nexpected engagement {} = {factors}", short(post.expected_engagement))?;
    write_net_worth(text, post)?;
    if let Some(reason) = &post.blocked {
        writeln!(text, "\nblocked, so it earns nothing: {reason}\n  remedy: {}", reason.remedy())?;
    }
    writeln!(text, "\nguardrails")?;
    post.verdicts.iter().try_for_each(|explained| write_verdict(text, explained))?;
    writeln!(text, "\nconfidence {}", short(post.confidence))?;
    write_steps(text, &post.confidence_steps)?;
    writeln!(text, "  band: {} ({})", post.risk, post.risk_source)?;
    for BandThreshold { band, threshold, distance, source } in &post.band_thresholds {
        let side = if post.confidence >= *threshold { "below" } else { "from" };
        writeln!(text, "      {side} {threshold} the risk is {band}: {} away   {source}", short(*distance))?;
    }
    Ok(())
}

fn write_asset(text: &mut String, post: &PostExplanation) -> std::fmt::Result {
    let factor = short(post.quality_factor);
    let Some(asset) = &post.asset else {
        writeln!(text, "\nno asset was available: factor {factor}")?;
        return write_steps(text, &post.quality_parts);
    };
    let family = if asset.family == asset.asset_id { String::new() } else { format!(" (of {})", asset.family) };
    writeln!(text, "\nwhy {}{family}: score {}, factor {factor}", asset.asset_id, short(asset.score))?;
    write_steps(text, &asset.parts)?;
    write_steps(text, &post.quality_parts)?;
    writeln!(text, "  {} of {} usable assets score higher on the channel", asset.better, asset.usable)
}

/// Writes the post's net worth, if it differs from the expected engagements.
fn write_net_worth(text: &mut String, post: &PostExplanation) -> std::fmt::Result {
    if post.worth == 1.0 && post.cost == 0.0 {
        return Ok(());
    }
    let [expected, worth, cost] = [post.expected_engagement, post.worth, post.cost].map(short);
    writeln!(text, "net worth {} = {expected} engagements x {worth} - cost {cost}", short(post.net_worth))?;
    for (cause, parts) in [("work", &post.work_cost_parts), ("lost audience", &post.leaving_cost_parts)] {
        if !parts.is_empty() {
            let cost: f64 = parts.iter().filter_map(ExplanationStep::number).product();
            writeln!(text, "  {cause}: cost {}", short(cost))?;
            write_steps(text, parts)?;
        }
    }
    Ok(())
}

/// Writes a line for each step: name, value, source and, if there is one, the estimate it is based on.
fn write_steps(text: &mut String, steps: &[ExplanationStep]) -> std::fmt::Result {
    steps.iter().try_for_each(|step| {
        let estimate = step.estimate.map_or_else(String::new, |estimate| format!("; {estimate}"));
        writeln!(text, "  {:<36} {:<14} {}{estimate}", step.name, step.value(), step.source)
    })
}

/// Writes a verdict, what the guardrail read, and the nearest values that would change its outcome.
fn write_verdict(text: &mut String, explained: &VerdictExplanation) -> std::fmt::Result {
    let verdict = &explained.verdict;
    writeln!(text, "  {:<24} {:<6} {}", verdict.rule, verdict.outcome.name(), verdict.source())?;
    if !verdict.reason.is_empty() {
        writeln!(text, "      {}\n      remedy: {}", verdict.reason, verdict.remedy)?;
    }
    let reads: Vec<String> = explained.reads.iter().map(|read| format!("{} = {}", read.name, read.value())).collect();
    if !reads.is_empty() {
        writeln!(text, "      reads {}", reads.join(", "))?;
    }
    for Counterfactual { input, values, outcome, place, .. } in &explained.counterfactuals {
        let place = place.as_ref().map_or_else(String::new, |place| format!("   {place}"));
        writeln!(text, "      {:<5} if {input} were {values}{place}", outcome.name())?;
    }
    Ok(())
}

fn why_not_text(question: &Question, answer: &WhyNot) -> String {
    let Question { client, channel, .. } = question;
    let at = wall_time_text(question.at);
    match answer {
        WhyNot::Planned { objective } => {
            format!("a post of {client} on {channel} is planned at {at}; the channel's week is worth {objective:.2}\n")
        }
        WhyNot::Forbidden { rule, because, source } => {
            format!("no post of {client} on {channel} is allowed at {at}: {because}\n  rule {rule}, {source}\n")
        }
        WhyNot::Impossible { because } => {
            format!("no plan of {client} on {channel} can have a post at {at}: {because}\n")
        }
        WhyNot::Limited { objective, with_it, limits } => {
            let reason = match limits.iter().any(|limit| limit.follow_up.is_some()) {
                true => "these limits keep it from there",
                false => "posts that earn more use up these limits",
            };
            let mut text = format!(
                "a post of {client} on {channel} at {at} would earn {:.3} more on this channel, but {reason}\n",
                with_it - objective
            );
            limits.iter().for_each(|limit| text.push_str(&limit_line(limit)));
            text
        }
        WhyNot::Costs { objective, with_it, loss, gives_up, takes } => format!(
            "a post of {client} on {channel} at {at} would cost {loss:.3} in net worth ({:.2} % of the channel's week)\n  \
             planned {objective:.3}, at best {with_it:.3} with this post\n  drops {}\n  adds  {}\n",
            100.0 * loss / objective.abs().max(f64::MIN_POSITIVE),
            list_or_nothing(gives_up),
            list_or_nothing(takes)
        ),
    }
}

/// A limit that keeps a post from an hour, as a line.
fn limit_line(limit: &LimitUse) -> String {
    let LimitUse { limit: name, campaign, used, allowed, price, .. } = limit;
    let of_campaign = campaign.as_ref().map_or_else(String::new, |id| format!(" for campaign {id}"));
    let (used, from) = (short(*used), limit.from.format("%Y-%m-%d %H:%M"));
    match limit.follow_up {
        Some(follow_up) => format!(
            "  limit {name}: a post must be {}; {used} posts would follow one of {from}; if none had to, up to \
             {price:.3} more would be earned\n",
            follow_up.in_words()
        ),
        None => format!(
            "  limit {name}{of_campaign}: {used} of {} used from {from} on; one more post would earn up to {price:.3}\n",
            short(*allowed)
        ),
    }
}

fn list_or_nothing(times: &[String]) -> String {
    if times.is_empty() { "nothing".to_owned() } else { times.join(", ") }
}
