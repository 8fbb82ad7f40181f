//! `mcoe serve`: serves the HTTP API and the web console.

mod demo;

use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;

use clap::{Args, ValueEnum};
use demo::Demo;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use super::failure::Failure;
use super::ledger::DatabaseArgument;
use super::{Globals, RulesArgument, input};
use crate::rules::CompiledRules;
use crate::store::{Ledger, OpenMode};
use crate::web::{Options, ServeError, Server};

/// Serve the HTTP API and the founder's web console
///
/// Without access tokens, it listens on the loopback address only, and every local user has all rights. On Ctrl-C or
/// SIGTERM it stops after running requests and passes have finished.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    rules: RulesArgument,
    /// The address to listen on. An address that other machines can reach requires an access token.
    #[arg(long, value_name = "ADDRESS", env = "MCOE_ADDRESS", default_value = "127.0.0.1")]
    address: IpAddr,
    /// The port to listen on; 0 for a free one.
    #[arg(long, value_name = "PORT", env = "MCOE_PORT", default_value_t = 3008)]
    port: u16,
    /// Run the daily pass and the weekly planning at the times in `passes` of calendar.toml. If several servers share a
    /// database, only one of them runs each pass.
    #[arg(long, env = "MCOE_SCHEDULE")]
    schedule: bool,
    /// Browsers connect by HTTPS, through a proxy: cookies are then sent over HTTPS only.
    #[arg(long, env = "MCOE_HTTPS")]
    https: bool,
    /// Requests per second allowed for each caller.
    #[arg(long, value_name = "N", env = "MCOE_REQUESTS_PER_SECOND", default_value = "100")]
    requests_per_second: NonZeroU32,
    /// Format of the log.
    #[arg(long, value_enum, env = "MCOE_LOG_FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Allow the person who committed a plan to approve its high-risk posts, for those who work alone. This is recorded
    /// with each approval.
    #[arg(long, env = "MCOE_ALONE")]
    alone: bool,
    /// Serve a fictional workspace with five weeks of history, from a temporary database.
    #[arg(long, conflicts_with_all = ["schedule"])]
    demo: bool,
}

/// Time limit for closing the ledger.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "\
Examples:
  mcoe serve --demo                               try the console: http://localhost:3008
  mcoe serve                                      the ledger mcoe.db, local access only
  mcoe token create --workspace north --name ann --role approver
  mcoe serve --address 0.0.0.0 --https --schedule --database postgres://mcoe@db/mcoe

The API is documented at /api and in /api/openapi.json; the console is at /founder/orchestration.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Human-readable text.
    Text,
    /// One JSON object per line.
    Json,
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let is_input = match &error {
            ServeError::Unguarded(_) => true,
            ServeError::Store(error) => error.is_input_error(),
            _ => false,
        };
        Failure::input_or_system(is_input, &error, error.remedy())
    }
}

impl Serve {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        self.set_up_logging(globals);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::system(format!("cannot start: {error}")))?;
        let result = runtime.block_on(self.serve(rules, globals));
        // Do not wait for tasks that have not ended in time.
        runtime.shutdown_background();
        result
    }

    async fn serve(&self, rules: CompiledRules, globals: &Globals) -> Result<(), Failure> {
        let mut stop = pin!(stop_signal()?);
        let opened = tokio::select! {
            opened = self.open(&rules, globals) => Some(opened?),
            () = stop.as_mut() => None,
        };
        let Some((ledger, _demo)) = opened else { return Ok(()) };
        let result = self.serve_from(ledger.clone(), rules, globals, stop).await;
        // Jobs that have not ended in time may still hold a connection.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, ledger.close()).await;
        result
    }

    /// Opens the ledger. With `--demo`, also returns the demo, which must outlive its ledger.
    async fn open(&self, rules: &CompiledRules, globals: &Globals) -> Result<(Ledger, Option<Demo>), Failure> {
        if self.demo {
            let demo = Demo::open(rules, globals).await?;
            return Ok((demo.ledger.clone(), Some(demo)));
        }
        Ok((Ledger::open_for(&self.database.url()?, OpenMode::Write).await?, None))
    }

    async fn serve_from(
        &self,
        ledger: Ledger,
        rules: CompiledRules,
        globals: &Globals,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let options = Options {
            address: SocketAddr::new(self.address, self.port),
            requests_per_second: self.requests_per_second,
            is_https: self.https,
            is_demo: self.demo,
            is_alone: self.alone || self.demo,
            runs_passes: self.schedule,
        };
        let is_unguarded = !ledger.has_tokens().await?;
        let server = Server::listen(ledger, rules, options).await?;
        self.print_addresses(globals, server.address(), is_unguarded);
        server.serve(stop).await;
        globals.info("stopped");
        Ok(())
    }

    fn print_addresses(&self, globals: &Globals, address: SocketAddr, is_unguarded: bool) {
        let shown =
            if address.ip().is_loopback() { format!("localhost:{}", address.port()) } else { address.to_string() };
        globals.info(&format!("console    http://{shown}/founder/orchestration\nAPI        http://{shown}/api"));
        if is_unguarded {
            globals.info(
                "no access tokens exist: access is local only, and every local user has all rights; \
                 `mcoe token create` creates a token",
            );
        }
        if self.alone || self.demo {
            globals.info(
                "the person who committed a plan may approve its high-risk posts; each such approval is recorded",
            );
        }
        if self.demo {
            globals.info(&format!("the workspace is fictional; its id is {}", demo::WORKSPACE));
        }
    }

    fn set_up_logging(&self, globals: &Globals) {
        let level = match (globals.quiet, globals.verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, true) => LevelFilter::DEBUG,
            (false, false) => LevelFilter::INFO,
        };
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
        let colors = globals.colors_stderr() && std::io::stderr().is_terminal();
        // If this process already has a logger, it serves as well.
        let _ = match self.log_format {
            LogFormat::Text => log.with_ansi(colors).try_init(),
            LogFormat::Json => log.json().flatten_event(true).try_init(),
        };
    }
}

/// A future that completes on SIGINT or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let to_failure = |error| Failure::system(format!("cannot listen for interrupts: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(to_failure)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(to_failure)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
