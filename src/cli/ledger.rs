//! What the commands on the ledger share: where it is, who acts, what time it is.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::failure::Failure;
use super::progress;
use crate::store::{DatabaseUrl, Ledger, whole_seconds};

/// Where help lists the options of the ledger.
const LEDGER: &str = "Options of the ledger";

/// Where the ledger is.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgument {
    /// The ledger: postgres://USER@HOST/DATABASE, or an SQLite file. Default: mcoe.db.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true, default_value = "mcoe.db")]
    #[arg(help_heading = LEDGER)]
    database: String,
}

/// Who acts.
#[derive(Debug, Args)]
pub(super) struct ActorArgument {
    /// Who does it, for the record. Default: the name of the system's user.
    #[arg(long, value_name = "NAME", env = "MCOE_ACTOR", help_heading = LEDGER)]
    actor: Option<String>,
}

impl ActorArgument {
    /// The name.
    pub fn name(&self) -> String {
        let user = || std::env::var("USER").ok().filter(|name| !name.is_empty());
        self.actor.clone().or_else(user).unwrap_or_else(|| "operator".to_owned())
    }
}

/// What time it is.
#[derive(Debug, Args)]
pub(super) struct NowArgument {
    /// The time to act at, such as 2026-11-23T08:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", help_heading = LEDGER)]
    now: Option<Timestamp>,
}

impl NowArgument {
    /// The time, in whole seconds.
    pub fn time(&self) -> Timestamp {
        whole_seconds(self.now.unwrap_or_else(Timestamp::now))
    }
}

impl DatabaseArgument {
    /// The address.
    pub fn url(&self) -> Result<DatabaseUrl, Failure> {
        Ok(self.database.parse()?)
    }

    /// As [`DatabaseArgument::with`], for who only reads: no file is made where there is none.
    pub fn with_existing<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        work: impl FnOnce(Ledger) -> F,
    ) -> Result<T, Failure> {
        match self.url()? {
            DatabaseUrl::Sqlite { path, .. } if !path.exists() => Err(Failure::Input(format!(
                "error: there is no ledger `{}`\n  remedy: name it with --database, or make one: `mcoe db load SCENARIO`",
                path.display()
            ))),
            _ => self.with(work),
        }
    }

    /// Opens the ledger and works on it until done or interrupted.
    pub fn with<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        work: impl FnOnce(Ledger) -> F,
    ) -> Result<T, Failure> {
        let url = self.url()?;
        run(async { work(Ledger::open(&url).await?).await })
    }
}

/// Runs work on a database until it is done or somebody asks for a stop, which rolls back what is open.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Machine(format!("error: cannot start: {error}")))?;
    runtime.block_on(async {
        let mut work = pin!(work);
        loop {
            if let Ok(done) = tokio::time::timeout(Duration::from_millis(100), work.as_mut()).await {
                return done;
            }
            progress::stop_if_asked()?;
        }
    })
}
