//! What every request is served from.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use minijinja::Environment;
use moka::future::Cache;
use tokio::sync::watch;

use super::cached::Cached;
use super::last_write::LastWrite;
use super::limits::Limits;
use super::metrics::Metrics;
use super::problem::Problem;
use super::running::Running;
use super::secret::now;
use super::turns::Turns;
use crate::model::{ScheduleStatus, WorkspaceId, plus_days};
use crate::rules::CompiledRules;
use crate::store::{Change, ChannelStatus, ClientName, DayCount, Ledger, Overview, ScheduleFilter};

/// How old figures over a whole workspace may be before they are counted again, and before that is waited for.
const FRESH: Duration = Duration::from_secs(2);
const MOST_OLD: Duration = Duration::from_secs(5);
/// Workspaces that are known to be there.
const MOST_KNOWN: u64 = 100_000;
/// How long a list of clients is.
const CLIENTS_FRESH: Duration = Duration::from_secs(30);
/// Clients that a list offers.
const MOST_CLIENTS: u32 = 500;
/// Days ahead that are looked through for what waits.
const WAITING_DAYS: i64 = 14;
/// Passes that work at the same time, and what-ifs; each uses all cores.
const JOBS_AT_ONCE: usize = 2;

/// How a server serves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub address: SocketAddr,
    /// Requests a second that one caller may make.
    pub requests_a_second: NonZeroU32,
    /// Whether browsers reach it by HTTPS, so that cookies travel by nothing else.
    pub is_https: bool,
    /// Whether it shows what was made up.
    pub is_demo: bool,
    /// One person runs it alone, so that nobody else has to approve what is of high risk.
    pub is_alone: bool,
    /// Whether it runs the passes by itself.
    pub keeps_time: bool,
}

/// What pages are made of.
pub(super) struct Pages {
    pub templates: Environment<'static>,
    /// Names the version of scripts and styles.
    pub asset_version: String,
}

/// The state of a server, shared by its requests.
#[derive(Clone)]
pub(super) struct App(Arc<Parts>);

/// What stands behind [`App`].
pub(super) struct Parts {
    pub ledger: Ledger,
    pub rules: Arc<CompiledRules>,
    pub options: Options,
    pub limits: Limits,
    pub metrics: Metrics,
    pub running: Running,
    /// Turns of passes, and of everything else.
    pub passes: Turns,
    pub what_ifs: Turns,
    pub last_write: LastWrite,
    pub stop: watch::Sender<bool>,
    pub templates: Environment<'static>,
    /// Names the version of scripts and styles.
    pub asset_version: String,
    known: Cache<WorkspaceId, ()>,
    status: Cached<WorkspaceFigures>,
    days: Cached<Vec<DayCount>>,
    clients: Cached<Vec<ClientName>>,
}

/// The figures of a workspace.
#[derive(Debug)]
pub(super) struct WorkspaceFigures {
    pub overview: Overview,
    pub channels: Vec<ChannelStatus>,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// What approving means here.
    pub fn approval(&self) -> Change<'static> {
        if self.options.is_alone { Change::ApproveAlone } else { Change::Approve }
    }

    pub fn new(ledger: Ledger, rules: Arc<CompiledRules>, options: Options, pages: Pages) -> Self {
        Self(Arc::new(Parts {
            limits: Limits::new(options.requests_a_second),
            metrics: Metrics::default(),
            running: Running::default(),
            passes: Turns::new(JOBS_AT_ONCE),
            what_ifs: Turns::new(JOBS_AT_ONCE),
            last_write: LastWrite::default(),
            stop: watch::Sender::new(false),
            known: Cache::new(MOST_KNOWN),
            status: Cached::new(FRESH, MOST_OLD),
            days: Cached::new(FRESH, MOST_OLD),
            asset_version: pages.asset_version,
            clients: Cached::new(CLIENTS_FRESH, 2 * CLIENTS_FRESH),
            ledger,
            rules,
            options,
            templates: pages.templates,
        }))
    }

    /// Whether the server is about to end.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// The ledger with one workspace in sight.
    pub fn ledger_of(&self, workspace: &WorkspaceId) -> Ledger {
        self.ledger.scoped_to(workspace.clone())
    }

    /// The figures of a workspace.
    pub async fn status(&self, workspace: &WorkspaceId) -> Result<Arc<WorkspaceFigures>, Problem> {
        let (ledger, rules) = (self.ledger_of(workspace), Arc::clone(&self.rules));
        let count = || async move {
            let (overview, channels) = ledger.status(&rules.base().fatigue, now()).await?;
            Ok(WorkspaceFigures { overview, channels })
        };
        self.status.get(workspace, count).await
    }

    /// The clients of a workspace by name.
    pub async fn clients(&self, workspace: &WorkspaceId) -> Result<Arc<Vec<ClientName>>, Problem> {
        let ledger = self.ledger_of(workspace);
        self.clients.get(workspace, || async move { ledger.client_names(MOST_CLIENTS).await }).await
    }

    /// How many schedules wait for a person on each of the next days, the days of their clients' calendars.
    pub async fn waiting_by_day(&self, workspace: &WorkspaceId) -> Result<Arc<Vec<DayCount>>, Problem> {
        let today = now().date();
        let filter = ScheduleFilter {
            statuses: vec![ScheduleStatus::Pending],
            first_day: Some(plus_days(today, -1)),
            last_day: Some(plus_days(today, WAITING_DAYS)),
            ..ScheduleFilter::default()
        };
        let ledger = self.ledger_of(workspace);
        self.days.get(workspace, || async move { ledger.schedules_by_day(&filter).await }).await
    }

    /// Fails where a workspace is not there. One that was seen once is not looked for again: none is ever removed.
    pub async fn require(&self, workspace: &WorkspaceId) -> Result<(), Problem> {
        if self.known.contains_key(workspace) {
            return Ok(());
        }
        if !self.ledger_of(workspace).workspaces().await?.contains(workspace) {
            return Err(Problem::not_found("workspace", "load one first: `mcoe db load SCENARIO`"));
        }
        self.known.insert(workspace.clone(), ()).await;
        Ok(())
    }

    /// Counts a workspace's figures anew when they are asked for next.
    pub async fn forget(&self, workspace: &WorkspaceId) {
        self.status.forget(workspace).await;
        self.days.forget(workspace).await;
    }
}
