//! `mcoe rules impact`: shows which recorded decisions a changed pack would have made differently.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::ledger::DatabaseArgument;
use crate::cli::progress::Progress;
use crate::cli::{Format, Globals, RulesArgument, input, print};
use crate::model::{Channel, Tier, Timestamp, WorkspaceId};
use crate::planner::{self, CauseKey, Change, ChangeKind, DecisionSource, ImpactCount, Planner, PostStatus};
use crate::store::{ImpactFilter, OpenMode};

/// Re-evaluate recorded decisions under changed rules, and show which would have been different
///
/// Guardrails, confidence, risk band and the resulting status are re-evaluated on the recorded facts. Everything
/// else is taken from the record: times, assets and their scores, fatigue, expected engagement, early warnings, and
/// posts blocked for lack of review capacity. The ledger is only read.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe rules impact --rules rules-new\n  mcoe rules impact --rules rules-new --workspace north --channel ig --from 2026-09-01T00:00:00Z\n  mcoe rules impact --rules rules-new --format json"
)]
pub(super) struct Impact {
    #[command(flatten)]
    rules: RulesArgument,
    /// Only decisions of this workspace.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// Only decisions about this client.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only decisions on this channel.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
    /// Only decisions made at this time or later, such as 2026-09-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only decisions made before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Maximum number of decisions, clients and rules to show. Default: 10; with --format json all.
    #[arg(long, value_name = "N")]
    limit_shown: Option<usize>,
    #[command(flatten)]
    database: DatabaseArgument,
}

/// Default number of entries shown per list in text output.
const DEFAULT_LIMIT: usize = 10;

/// Limitations of the analysis, printed with the result.
const NOTES: [&str; 3] = [
    "re-evaluated: guardrails, confidence, risk band and status, on the recorded facts",
    "taken from the record: times, assets and their scores, fatigue, expected engagement, early warnings, and posts \
     blocked for lack of review capacity",
    "daily passes record only decisions that changed something",
];

impl Impact {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let in_json = globals.format == Format::Json;
        let max_shown = self.limit_shown.unwrap_or(if in_json { usize::MAX } else { DEFAULT_LIMIT });
        let filter = ImpactFilter { client: self.client.clone(), channel: self.channel, from: self.from, to: self.to };
        let (planner, filter) = (&planner, &filter);
        let impact = self.database.with(OpenMode::Read, |ledger| async move {
            let ledger = match &self.workspace {
                Some(workspace) => ledger.scoped_to(WorkspaceId::new(workspace.as_str())),
                None => ledger,
            };
            let bar = Progress::new(globals, ledger.impact_rows(filter).await?, "re-evaluating");
            let progress = |rows| bar.advance_by(rows);
            Ok(ledger.impact(planner, filter, max_shown, &progress).await?)
        })?;
        if impact.count.judged + impact.without_facts == 0 {
            return Err(self.no_decisions());
        }
        if in_json {
            return print(&format!("{}\n", as_json(&impact, max_shown)));
        }
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write_impact(&mut text, &impact, max_shown);
        print(&text)
    }

    fn no_decisions(&self) -> Failure {
        let has_filter = self.workspace.is_some()
            || self.client.is_some()
            || self.channel.is_some()
            || self.from.is_some()
            || self.to.is_some();
        if has_filter {
            let remedy = "change the workspace, client, channel or time; `mcoe actions` lists the recorded decisions";
            Failure::input("no recorded decision matches", remedy)
        } else {
            let remedy = "commit a week first: `mcoe weekly`, or `mcoe commit PLAN`";
            Failure::input("the ledger has no decisions yet", remedy)
        }
    }
}

/// The changes to show, worst kinds first.
fn changes(impact: &planner::Impact, max_shown: usize) -> impl Iterator<Item = &Change> {
    impact.changes.values().flatten().take(max_shown)
}

fn as_json(impact: &planner::Impact, max_shown: usize) -> Value {
    let causes = impact.causes.iter().map(|(CauseKey { kind, rule, file, line }, (count, reason))| {
        json!({"change": kind, "rule": rule, "file": file, "line": line, "count": count, "reason": reason})
    });
    let channels = impact.worst_channels().into_iter();
    let clients = impact.worst_clients().into_iter();
    let change = |change: &Change| {
        let differs: Vec<Value> =
            change.differs.iter().map(|(kind, cause)| json!({"change": kind, "cause": cause})).collect();
        json!({
            "schedule_id": change.schedule_id,
            "client_id": change.client_id,
            "workspace_id": change.workspace_id,
            "channel": change.channel,
            "local_time": change.local_time,
            "decided_at": change.decided_at,
            "occasion": change.occasion,
            "before": change.before,
            "after": change.after,
            "differs": differs,
        })
    };
    json!({
        "count": impact.count,
        "by_daily_pass": impact.by_daily_pass,
        "without_facts": impact.without_facts,
        "held_for_review": impact.held_for_review,
        "causes": causes.collect::<Vec<_>>(),
        "channels": channels.map(|(channel, count)| json!({"channel": channel, "count": count})).collect::<Vec<_>>(),
        "clients": clients
            .map(|((client, channel), count)| json!({"client_id": client, "channel": channel, "count": count}))
            .collect::<Vec<_>>(),
        "changes": changes(impact, max_shown).map(change).collect::<Vec<_>>(),
        "notes": NOTES,
    })
}

fn write_impact(text: &mut String, impact: &planner::Impact, max_shown: usize) -> std::fmt::Result {
    let count = &impact.count;
    if count.judged == 0 {
        let total = impact.without_facts;
        writeln!(text, "none of {total} decisions can be re-evaluated: their facts are not recorded")?;
        return writeln!(
            text,
            "  remedy: run this again after weeks have been committed by this version of mcoe, which records the facts"
        );
    }
    writeln!(
        text,
        "{} decisions re-evaluated, {} of them by daily passes: {} unchanged",
        count.judged, impact.by_daily_pass, count.same
    )?;
    for kind in ChangeKind::ALL {
        if count.of(kind) > 0 {
            writeln!(text, "  {:>7} {}", count.of(kind), kind.words())?;
        }
    }
    let remarks = [
        (count.other_confidence, "unchanged except for their confidence"),
        (impact.held_for_review, "still blocked for lack of review capacity"),
        (impact.without_facts, "cannot be re-evaluated: their facts are not recorded"),
    ];
    for (number, words) in remarks.iter().filter(|(number, _)| *number > 0) {
        writeln!(text, "  {number:>7} {words}")?;
    }
    if count.same < count.judged {
        write_causes(text, impact, max_shown)?;
        write_channels_and_clients(text, impact, max_shown)?;
        write_changes(text, impact, max_shown)?;
    }
    writeln!(text)?;
    NOTES.iter().try_for_each(|note| writeln!(text, "note: {note}"))
}

fn write_causes(text: &mut String, impact: &planner::Impact, max_shown: usize) -> std::fmt::Result {
    writeln!(text, "\nby rule, with an example of a reason:")?;
    let mut causes: Vec<_> = impact.causes.iter().collect();
    causes.sort_by_key(|(key, (count, _))| (key.kind, std::cmp::Reverse(*count)));
    for (CauseKey { kind, rule, file, line }, (count, reason)) in causes.iter().take(max_shown) {
        writeln!(text, "  {count:>7} {:<29} {rule}: {reason}{}", kind.words(), place_text(file, *line))?;
    }
    write_rest(text, causes.len(), max_shown)
}

fn write_channels_and_clients(text: &mut String, impact: &planner::Impact, max_shown: usize) -> std::fmt::Result {
    writeln!(text, "\nby channel, most affected first:")?;
    for (channel, count) in impact.worst_channels() {
        writeln!(text, "  {:<24} {}", channel.name(), totals(count))?;
    }
    writeln!(text, "\nby client and channel, most affected first:")?;
    let clients = impact.worst_clients();
    for ((client, channel), count) in clients.iter().take(max_shown) {
        writeln!(text, "  {client:<24} {channel:<8} {}", totals(count))?;
    }
    write_rest(text, clients.len(), max_shown)
}

fn write_changes(text: &mut String, impact: &planner::Impact, max_shown: usize) -> std::fmt::Result {
    writeln!(text, "\ndecisions, most severe change first:")?;
    for change in changes(impact, max_shown) {
        let short_id: String = change.schedule_id.to_string().chars().take(8).collect();
        let pass = if change.occasion == DecisionSource::Daily { "  (daily pass)" } else { "" };
        writeln!(
            text,
            "  {short_id}  {:<24} {:<8} {}  {} -> {}{pass}",
            change.client_id,
            change.channel,
            change.local_time,
            status_and_risk(change.before),
            status_and_risk(change.after)
        )?;
        // If a decision differs in two ways, the same rule often causes both.
        let mut causes: Vec<_> = change.differs.iter().map(|(_, cause)| cause).collect();
        causes.dedup();
        for cause in causes {
            writeln!(text, "            {}: {}{}", cause.rule, cause.reason, place_text(&cause.file, cause.line))?;
        }
    }
    write_rest(text, (impact.count.judged - impact.count.same) as usize, max_shown)
}

/// Writes how many entries of a list are not shown.
fn write_rest(text: &mut String, all: usize, max_shown: usize) -> std::fmt::Result {
    let rest = all.saturating_sub(max_shown);
    if rest > 0 { writeln!(text, "  … and {rest} more; --limit-shown N shows them") } else { Ok(()) }
}

fn status_and_risk(status: PostStatus) -> String {
    format!("{}, {} risk", status.status, status.risk)
}

fn place_text(file: &str, line: u32) -> String {
    if line == 0 { String::new() } else { format!("   {file}:{line}") }
}

/// The non-zero counts as text.
fn totals(count: &ImpactCount) -> String {
    let kinds = ChangeKind::ALL.into_iter().filter(|kind| count.of(*kind) > 0);
    let counts: Vec<String> = kinds.map(|kind| format!("{} {}", count.of(kind), kind.words())).collect();
    format!("{} of {}: {}", count.judged - count.same, count.judged, counts.join(", "))
}
