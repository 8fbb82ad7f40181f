//! The HTTP server with graceful shutdown.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::access::Peer;
use super::state::{App, Options};
use super::{console, router, scheduled_passes};
use crate::rules::CompiledRules;
use crate::store::{Ledger, StoreError};

/// Maximum number of open connections.
const MAX_CONNECTIONS: usize = 2048;
/// How long a client may take to send the request headers.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long running requests and jobs may take to finish during shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);
/// How often rate-limit entries of idle callers are removed, and lost jobs are marked as stopped.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(15);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address can be reached from other machines, but there is no token to restrict access.
    #[error("{0} can be reached from other machines, but the ledger has no access token")]
    Unguarded(std::net::SocketAddr),
    /// Listening on the address failed.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The requested address.
        address: std::net::SocketAddr,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The console's templates are invalid.
    #[error("the console cannot be set up: {0}")]
    Templates(#[from] minijinja::Error),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServeError {
    /// How to fix it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::Unguarded(_) => "create a token first: `mcoe token create`; or listen on 127.0.0.1, without --https",
            Self::Listen { .. } => "choose another --port, or stop the program that uses it",
            Self::Templates(_) => "report this as a bug of mcoe",
            Self::Store(error) => error.remedy(),
        }
    }
}

/// A server that is bound to its address but does not serve yet.
pub struct Server {
    app: App,
    listener: TcpListener,
}

impl Server {
    /// Binds to the address. While no token has ever been created, only the loopback address is allowed.
    ///
    /// # Errors
    /// If the address can be reached from other machines but there is no token, if it cannot be bound, or if the ledger
    /// fails.
    pub async fn listen(ledger: Ledger, rules: CompiledRules, mut options: Options) -> Result<Self, ServeError> {
        let address = options.address;
        if (options.is_https || !address.ip().is_loopback()) && !ledger.has_tokens().await? {
            return Err(ServeError::Unguarded(address));
        }
        let listener = TcpListener::bind(address).await.map_err(|cause| ServeError::Listen { address, cause })?;
        options.address = listener.local_addr().map_err(|cause| ServeError::Listen { address, cause })?;
        let app = App::new(ledger, Arc::new(rules), options, console::pages()?);
        Ok(Self { app, listener })
    }

    /// The address that the server is bound to.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.app.options.address
    }

    /// Serves until `stop` completes, then waits up to a minute for running requests and jobs.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { app, listener } = self;
        let graceful = GracefulShutdown::new();
        let cleanup = tokio::spawn(clean_up(app.clone()));
        let passes = app.options.runs_passes.then(|| tokio::spawn(scheduled_passes::run_scheduled_passes(app.clone())));
        tokio::select! {
            () = accept(&app, &listener, &graceful) => {}
            () = stop => {}
        }
        drop(listener);
        tracing::info!("shutting down: waiting for running requests and jobs");
        app.stop.send_replace(true);
        let finish = async {
            graceful.shutdown().await;
            if let Some(passes) = passes {
                // The task ends by itself. If it panicked, the runtime has reported that.
                let _ = passes.await;
            }
            app.running.join_all().await;
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, finish).await.is_err() {
            tracing::warn!("some requests or jobs did not finish in time; their uncommitted changes are rolled back");
        }
        cleanup.abort();
    }
}

async fn accept(app: &App, listener: &TcpListener, graceful: &GracefulShutdown) {
    let router = router(app.clone());
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(cause) => {
                // The cause may be temporary, such as too many open files; open connections are still served.
                tracing::warn!(%cause, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Without this, small responses may be delayed. If it fails, they are only slower.
        let _ = stream.set_nodelay(true);
        let service: Router = router.clone().layer(Extension(Peer(peer)));
        let mut builder = Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        let open = OpenConnection::new(app);
        tokio::spawn(async move {
            if let Err(cause) = connection.await {
                tracing::debug!(%peer, %cause, "a connection was aborted");
            }
            drop((open, permit));
        });
    }
}

/// Counts a connection while it is open.
struct OpenConnection(App);

impl OpenConnection {
    fn new(app: &App) -> Self {
        app.metrics.connections.inc();
        Self(app.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}

/// Removes rate-limit entries of idle callers, and marks jobs whose server is lost as stopped.
async fn clean_up(app: App) {
    loop {
        tokio::time::sleep(CLEANUP_INTERVAL).await;
        app.limits.remove_idle();
        match app.ledger.clean_up_jobs(&app.running.ids(), super::clock::now()).await {
            Ok(0) => {}
            Ok(lost) => tracing::warn!(lost, "marked jobs of lost servers as stopped"),
            Err(cause) => tracing::warn!(%cause, "cannot look for jobs of lost servers"),
        }
    }
}
