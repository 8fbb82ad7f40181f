//! Arguments and setup shared by the commands on the ledger: database, actor and time.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use chrono::Utc;
use clap::Args;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::failure::Failure;
use super::{Globals, progress};
use crate::model::Timestamp;
use crate::store::{DatabaseUrl, Ledger, OpenMode, WAITING};

/// Help heading of the options that concern the ledger.
const LEDGER_OPTIONS: &str = "Ledger options";

/// The ledger if none is named.
pub(super) const DEFAULT_DATABASE: &str = "mcoe.db";

#[derive(Debug, Args)]
pub(super) struct DatabaseArgument {
    /// The ledger: postgres://USER@HOST/DATABASE, or an SQLite file. Default: mcoe.db.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true, default_value = DEFAULT_DATABASE)]
    #[arg(help_heading = LEDGER_OPTIONS)]
    database: String,
}

#[derive(Debug, Args)]
pub(super) struct ActorArgument {
    /// The actor to record. Default: the name of the system user.
    #[arg(long, value_name = "NAME", env = "MCOE_ACTOR", help_heading = LEDGER_OPTIONS)]
    actor: Option<String>,
}

impl ActorArgument {
    /// The actor's name.
    pub fn name(&self) -> String {
        let user = || std::env::var("USER").ok().filter(|name| !name.is_empty());
        self.actor.clone().or_else(user).unwrap_or_else(|| "operator".to_owned())
    }
}

#[derive(Debug, Args)]
pub(super) struct NowArgument {
    /// The current time, such as 2026-11-23T08:00:00Z. Default: the system clock.
    #[arg(long, value_name = "TIME", help_heading = LEDGER_OPTIONS)]
    now: Option<Timestamp>,
}

impl NowArgument {
    /// The time, in whole seconds.
    pub fn time(&self) -> Timestamp {
        self.now.unwrap_or_else(|| Timestamp::from(Utc::now())).whole_second()
    }
}

impl DatabaseArgument {
    /// The address of the database.
    pub fn url(&self) -> Result<DatabaseUrl, Failure> {
        Ok(self.database.parse()?)
    }

    /// Opens the ledger and runs `work` on it until done or interrupted. The ledger is closed in every case, so that an
    /// SQLite file is self-contained.
    pub fn with<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        mode: OpenMode,
        work: impl FnOnce(Ledger) -> F,
    ) -> Result<T, Failure> {
        let url = self.url()?;
        block_on(async {
            let ledger = until_interrupted(async { Ok(Ledger::open_for(&url, mode).await?) }).await?;
            let outcome = until_interrupted(work(ledger.clone())).await;
            ledger.close().await;
            outcome
        })
    }
}

/// Runs a future to completion on a single-threaded runtime.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::system(format!("cannot start: {error}")))?;
    runtime.block_on(work)
}

/// Awaits a future until it is done or a stop is requested, which rolls back any open transaction.
pub(super) async fn until_interrupted<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut work = pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(Duration::from_millis(100), work.as_mut()).await {
            return done;
        }
        progress::stop_if_requested()?;
    }
}

/// From now on, reports on stderr whenever the ledger waits for its database, and why.
pub(super) fn log_waiting(globals: &Globals) {
    let layer = tracing_subscriber::fmt::layer()
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .with_filter(filter_fn(|event| event.target() == WAITING));
    if !globals.quiet {
        // If this process already has a logger, it serves as well.
        let _ = tracing_subscriber::registry().with(layer).try_init();
    }
}
