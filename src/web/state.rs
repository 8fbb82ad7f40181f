//! The shared state of a server.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use minijinja::Environment;
use moka::future::Cache;
use tokio::sync::watch;

use super::cached::Cached;
use super::clock::now;
use super::job_permits::JobPermits;
use super::limits::RateLimits;
use super::metrics::Metrics;
use super::problem::Problem;
use super::running::Running;
use super::write_check::WriteCheck;
use crate::model::{ScheduleStatus, WorkspaceId, plus_days};
use crate::rules::CompiledRules;
use crate::store::{Change, ChannelStatus, ClientName, DayCount, Ledger, Overview, ScheduleFilter};

/// Age from which the cached figures of a workspace are refreshed in the background.
const FIGURES_FRESH_FOR: Duration = Duration::from_secs(2);
/// Age from which a request waits for new figures.
const FIGURES_MAX_AGE: Duration = Duration::from_secs(5);
/// Maximum number of workspaces that are remembered as existing.
const MAX_KNOWN_WORKSPACES: u64 = 100_000;
/// Age from which the cached clients of a workspace are refreshed in the background.
const CLIENTS_FRESH_FOR: Duration = Duration::from_secs(30);
/// Maximum number of clients in a selection list.
const MAX_CLIENTS: u32 = 500;
/// Days ahead for which posts that need approval are counted.
const PENDING_DAYS: i64 = 14;
/// Maximum number of passes that run at the same time, and of other jobs. Each job uses all cores.
const MAX_RUNNING_JOBS: usize = 2;

/// The options of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on.
    pub address: SocketAddr,
    /// Requests per second allowed for each caller.
    pub requests_per_second: NonZeroU32,
    /// Whether browsers reach the server over HTTPS, so that cookies are sent over HTTPS only.
    pub is_https: bool,
    /// Whether it serves demonstration data.
    pub is_demo: bool,
    /// Whether one person works alone, so that high-risk posts need no second person's approval.
    pub is_alone: bool,
    /// Whether it runs the daily and weekly passes at the times that the rules give.
    pub runs_passes: bool,
}

/// The templates of the pages, and the version of their assets.
pub(super) struct Pages {
    pub templates: Environment<'static>,
    /// Part of the assets' URLs.
    pub asset_version: String,
}

/// The state of a server, shared by its requests.
#[derive(Clone)]
pub(super) struct App(Arc<AppState>);

/// The contents of [`App`].
pub(super) struct AppState {
    pub ledger: Ledger,
    pub rules: Arc<CompiledRules>,
    pub options: Options,
    pub limits: RateLimits,
    pub metrics: Metrics,
    pub running: Running,
    /// Permits of daily and weekly passes.
    pub pass_permits: JobPermits,
    /// Permits of all other jobs: previews, simulations and comparisons.
    pub what_if_permits: JobPermits,
    pub write_check: WriteCheck,
    /// Becomes true when the server shuts down.
    pub stop: watch::Sender<bool>,
    pub templates: Environment<'static>,
    /// Part of the assets' URLs.
    pub asset_version: String,
    known_workspaces: Cache<WorkspaceId, ()>,
    figures: Cached<WorkspaceFigures>,
    pending_days: Cached<Vec<DayCount>>,
    clients: Cached<Vec<ClientName>>,
}

/// The figures of a workspace.
#[derive(Debug)]
pub(super) struct WorkspaceFigures {
    pub overview: Overview,
    pub channels: Vec<ChannelStatus>,
}

impl std::ops::Deref for App {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

impl App {
    /// The kind of approval that the options require.
    pub fn approval(&self) -> Change<'static> {
        if self.options.is_alone { Change::ApproveAlone } else { Change::Approve }
    }

    pub fn new(ledger: Ledger, rules: Arc<CompiledRules>, options: Options, pages: Pages) -> Self {
        Self(Arc::new(AppState {
            limits: RateLimits::new(options.requests_per_second),
            metrics: Metrics::default(),
            running: Running::default(),
            pass_permits: JobPermits::new(MAX_RUNNING_JOBS),
            what_if_permits: JobPermits::new(MAX_RUNNING_JOBS),
            write_check: WriteCheck::default(),
            stop: watch::Sender::new(false),
            known_workspaces: Cache::new(MAX_KNOWN_WORKSPACES),
            figures: Cached::new(FIGURES_FRESH_FOR, FIGURES_MAX_AGE),
            pending_days: Cached::new(FIGURES_FRESH_FOR, FIGURES_MAX_AGE),
            asset_version: pages.asset_version,
            clients: Cached::new(CLIENTS_FRESH_FOR, 2 * CLIENTS_FRESH_FOR),
            ledger,
            rules,
            options,
            templates: pages.templates,
        }))
    }

    /// Whether the server is shutting down.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// The ledger restricted to one workspace.
    pub fn ledger_of(&self, workspace: &WorkspaceId) -> Ledger {
        self.ledger.scoped_to(workspace.clone())
    }

    /// The figures of a workspace.
    pub async fn figures(&self, workspace: &WorkspaceId) -> Result<Arc<WorkspaceFigures>, Problem> {
        let (ledger, rules) = (self.ledger_of(workspace), Arc::clone(&self.rules));
        let compute = || async move {
            let (overview, channels) = ledger.status(&rules.base().fatigue, now()).await?;
            Ok(WorkspaceFigures { overview, channels })
        };
        self.figures.get(workspace, compute).await
    }

    /// The clients of a workspace, ordered by name.
    pub async fn clients(&self, workspace: &WorkspaceId) -> Result<Arc<Vec<ClientName>>, Problem> {
        let ledger = self.ledger_of(workspace);
        self.clients.get(workspace, || async move { ledger.client_names(MAX_CLIENTS).await }).await
    }

    /// The number of schedules that need approval on each of the next days, in the clients' time zones.
    pub async fn pending_by_day(&self, workspace: &WorkspaceId) -> Result<Arc<Vec<DayCount>>, Problem> {
        let today = now().date();
        // Where clocks are behind UTC, it may still be the day before.
        let filter = ScheduleFilter {
            statuses: vec![ScheduleStatus::Pending],
            first_day: Some(plus_days(today, -1)),
            last_day: Some(plus_days(today, PENDING_DAYS)),
            ..ScheduleFilter::default()
        };
        let ledger = self.ledger_of(workspace);
        self.pending_days.get(workspace, || async move { ledger.schedules_by_day(&filter).await }).await
    }

    /// Fails if a workspace does not exist. Those that exist are cached, because workspaces are never removed.
    pub async fn require_workspace(&self, workspace: &WorkspaceId) -> Result<(), Problem> {
        if self.known_workspaces.contains_key(workspace) {
            return Ok(());
        }
        if !self.ledger_of(workspace).workspaces().await?.contains(workspace) {
            return Err(Problem::not_found("workspace", "load one first: `mcoe db load SCENARIO`"));
        }
        self.known_workspaces.insert(workspace.clone(), ()).await;
        Ok(())
    }

    /// Invalidates the cached figures of a workspace.
    pub async fn invalidate_figures(&self, workspace: &WorkspaceId) {
        self.figures.invalidate(workspace).await;
        self.pending_days.invalidate(workspace).await;
    }
}
