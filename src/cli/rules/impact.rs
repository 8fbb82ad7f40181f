//! `mcoe rules impact`: shows which recorded decisions a changed pack would have made differently.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::ledger::DatabaseArgument;
use crate::cli::progress::Progress;
use crate::cli::{Format, Globals, RulesArgument, input, print};
use crate::model::{Channel, Tier, Timestamp, WorkspaceId};
use crate::planner::{self, Change, ChangeKind, DecisionSource, ImpactCount, Planner, PostStatus};
use crate::store::{ImpactFilter, OpenMode};

/// Judge the decisions on record again under a changed pack, and say which would have been others
///
/// Asked again are the guardrails, the confidence, the band and the status that follows, each on what the rules
/// saw when they were asked. The rest stays as it is on record: hours, assets and their scores, fatigue, expected
/// engagement, the warnings that held, and what the reviewers had no time for. The ledger is only read.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe rules impact --rules rules-new\n  mcoe rules impact --rules rules-new --workspace north --channel ig --from 2026-09-01T00:00:00Z\n  mcoe rules impact --rules rules-new --format json"
)]
pub(super) struct Impact {
    #[command(flatten)]
    rules: RulesArgument,
    /// Decisions of one workspace.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// About one client.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// On one channel.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
    /// Decided at this time or later, such as 2026-09-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Decided before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Show no more than so many decisions, clients and rules. Default: 10; with --format json all of them.
    #[arg(long, value_name = "N")]
    limit_shown: Option<usize>,
    #[command(flatten)]
    database: DatabaseArgument,
}

/// Default number of entries shown per list in text output.
const SHOWN: usize = 10;

/// Limitations of the analysis, printed with the result.
const NOTES: [&str; 3] = [
    "judged again: guardrails, confidence, band and status, on what the rules saw when they were asked",
    "as on record: hours, assets and their scores, fatigue, expected engagement, the warnings that held, and what the \
     reviewers had no time for",
    "of daily passes only what they changed is on record",
];

impl Impact {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let in_json = globals.format == Format::Json;
        let shown = self.limit_shown.unwrap_or(if in_json { usize::MAX } else { SHOWN });
        let filter = ImpactFilter { client: self.client.clone(), channel: self.channel, from: self.from, to: self.to };
        let (planner, filter) = (&planner, &filter);
        let impact = self.database.with(OpenMode::Read, |ledger| async move {
            let ledger = match &self.workspace {
                Some(workspace) => ledger.scoped_to(WorkspaceId::new(workspace.as_str())),
                None => ledger,
            };
            let bar = Progress::new(globals, ledger.impact_rows(filter).await?, "judging");
            let told = |rows| bar.steps(rows);
            Ok(ledger.impact(planner, filter, shown, &told).await?)
        })?;
        if impact.count.judged + impact.without_facts == 0 {
            return Err(self.nothing());
        }
        if in_json {
            return print(&format!("{}\n", as_json(&impact, shown)));
        }
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write(&mut text, &impact, shown);
        print(&text)
    }

    fn nothing(&self) -> Failure {
        let narrowed = self.workspace.is_some()
            || self.client.is_some()
            || self.channel.is_some()
            || self.from.is_some()
            || self.to.is_some();
        Failure::Input(if narrowed {
            "error: no decision on record is meant\n  remedy: ask for another workspace, client, channel or time; \
             `mcoe actions` lists what is on record"
                .to_owned()
        } else {
            "error: the ledger holds no decision yet\n  remedy: commit a week first: `mcoe weekly`, or `mcoe commit PLAN`"
                .to_owned()
        })
    }
}

/// The changes to show, worst kinds first.
fn changes(impact: &planner::Impact, shown: usize) -> impl Iterator<Item = &Change> {
    impact.changes.values().flatten().take(shown)
}

fn as_json(impact: &planner::Impact, shown: usize) -> Value {
    let causes = impact.causes.iter().map(|((kind, rule, file, line), (count, reason))| {
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
        "changes": changes(impact, shown).map(change).collect::<Vec<_>>(),
        "notes": NOTES,
    })
}

fn write(text: &mut String, impact: &planner::Impact, shown: usize) -> std::fmt::Result {
    let count = &impact.count;
    if count.judged == 0 {
        let all = impact.without_facts;
        writeln!(text, "none of {all} decisions can be judged again: what the rules saw of them is not on record")?;
        return writeln!(text, "  remedy: ask again once weeks are committed with this mcoe, which keeps it");
    }
    writeln!(
        text,
        "{} decisions judged again, {} of them by daily passes: {} stand as they did",
        count.judged, impact.by_daily_pass, count.same
    )?;
    for kind in ChangeKind::ALL {
        if count.of(kind) > 0 {
            writeln!(text, "  {:>7} {}", count.of(kind), kind.words())?;
        }
    }
    let asides = [
        (count.other_confidence, "stand as they did with another confidence"),
        (impact.held_for_review, "stay held because no reviewer had time for them"),
        (impact.without_facts, "cannot be judged again: what the rules saw of them is not on record"),
    ];
    for (number, words) in asides.iter().filter(|(number, _)| *number > 0) {
        writeln!(text, "  {number:>7} {words}")?;
    }
    if count.same < count.judged {
        write_causes(text, impact, shown)?;
        write_places(text, impact, shown)?;
        write_changes(text, impact, shown)?;
    }
    writeln!(text)?;
    NOTES.iter().try_for_each(|note| writeln!(text, "note: {note}"))
}

fn write_causes(text: &mut String, impact: &planner::Impact, shown: usize) -> std::fmt::Result {
    writeln!(text, "\nby rule, with the reason of the first:")?;
    let mut causes: Vec<_> = impact.causes.iter().collect();
    causes.sort_by_key(|((kind, ..), (count, _))| (*kind, std::cmp::Reverse(*count)));
    for ((kind, rule, file, line), (count, reason)) in causes.iter().take(shown) {
        writeln!(text, "  {count:>7} {:<29} {rule}: {reason}{}", kind.words(), place(file, *line))?;
    }
    more(text, causes.len(), shown)
}

fn write_places(text: &mut String, impact: &planner::Impact, shown: usize) -> std::fmt::Result {
    writeln!(text, "\nby channel, the worst-hit first:")?;
    for (channel, count) in impact.worst_channels() {
        writeln!(text, "  {:<24} {}", channel.name(), totals(count))?;
    }
    writeln!(text, "\nby client and channel, the worst-hit first:")?;
    let clients = impact.worst_clients();
    for ((client, channel), count) in clients.iter().take(shown) {
        writeln!(text, "  {client:<24} {channel:<8} {}", totals(count))?;
    }
    more(text, clients.len(), shown)
}

fn write_changes(text: &mut String, impact: &planner::Impact, shown: usize) -> std::fmt::Result {
    writeln!(text, "\ndecisions, the worst first:")?;
    for change in changes(impact, shown) {
        let letters: String = change.schedule_id.to_string().chars().take(8).collect();
        let pass = if change.occasion == DecisionSource::Daily { "  (daily pass)" } else { "" };
        writeln!(
            text,
            "  {letters}  {:<24} {:<8} {}  {} -> {}{pass}",
            change.client_id,
            change.channel,
            change.local_time,
            stand(change.before),
            stand(change.after)
        )?;
        // If a decision differs in two ways, the same rule often causes both.
        let mut causes: Vec<_> = change.differs.iter().map(|(_, cause)| cause).collect();
        causes.dedup();
        for cause in causes {
            writeln!(text, "            {}: {}{}", cause.rule, cause.reason, place(&cause.file, cause.line))?;
        }
    }
    more(text, (impact.count.judged - impact.count.same) as usize, shown)
}

fn more(text: &mut String, all: usize, shown: usize) -> std::fmt::Result {
    let rest = all.saturating_sub(shown);
    if rest > 0 { writeln!(text, "  … and {rest} more; --limit-shown N shows them") } else { Ok(()) }
}

fn stand(stand: PostStatus) -> String {
    format!("{}, {} risk", stand.status, stand.risk)
}

fn place(file: &str, line: u32) -> String {
    if line == 0 { String::new() } else { format!("   {file}:{line}") }
}

/// The non-zero counts as text.
fn totals(count: &ImpactCount) -> String {
    let kinds = ChangeKind::ALL.into_iter().filter(|kind| count.of(*kind) > 0);
    let said: Vec<String> = kinds.map(|kind| format!("{} {}", count.of(kind), kind.words())).collect();
    format!("{} of {}: {}", count.judged - count.same, count.judged, said.join(", "))
}
