//! Connections in, answers out, and an end without loose ends.

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
use super::{console, router, schedule};
use crate::rules::CompiledRules;
use crate::store::{Ledger, StoreError};

/// Connections that are open at the same time.
const CONNECTIONS: usize = 2048;
/// How long a client may take to say what it wants.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long requests and jobs may take to end once the server is to stop.
const GRACE: Duration = Duration::from_secs(60);
/// How often the server looks after itself.
const TIDY: Duration = Duration::from_secs(15);

/// Why a server did not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Nobody could be kept out.
    #[error("{0} can be reached from other machines, and the ledger has no access token")]
    Unguarded(std::net::SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The console's templates are broken.
    #[error("the console cannot be set up: {0}")]
    Templates(#[from] minijinja::Error),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServeError {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::Unguarded(_) => "make a token first: `mcoe token create`; or listen on 127.0.0.1, without --https",
            Self::Listen { .. } => "choose another --port, or stop what listens there",
            Self::Templates(_) => "report this as a bug of mcoe",
            Self::Store(error) => error.remedy(),
        }
    }
}

/// A server that listens and does not answer yet.
pub struct Server {
    app: App,
    listener: TcpListener,
}

impl Server {
    /// Listens. Where no token was ever made it does so on this machine alone.
    ///
    /// # Errors
    /// Where the address can be reached from elsewhere and nobody could be kept out, where it is taken, or where
    /// the ledger fails.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.app.options.address
    }

    /// Serves until `stop` is done; then requests and jobs that run are given a minute to end.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { app, listener } = self;
        let graceful = GracefulShutdown::new();
        let tidy = tokio::spawn(tidy(app.clone()));
        let keeper = app.options.keeps_time.then(|| tokio::spawn(schedule::keep_time(app.clone())));
        tokio::select! {
            () = accept(&app, &listener, &graceful) => {}
            () = stop => {}
        }
        drop(listener);
        tracing::info!("stopping: requests and jobs that run may end");
        app.stop.send_replace(true);
        let end = async {
            graceful.shutdown().await;
            if let Some(keeper) = keeper {
                // It ends by itself; a panic of it was told by the runtime.
                let _ = keeper.await;
            }
            app.running.end().await;
        };
        if tokio::time::timeout(GRACE, end).await.is_err() {
            tracing::warn!("some requests or jobs did not end in time; what they had not committed is undone");
        }
        tidy.abort();
    }
}

async fn accept(app: &App, listener: &TcpListener, graceful: &GracefulShutdown) {
    let router = router(app.clone());
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(cause) => {
                // Such as too many open files: it passes, and the others are still served.
                tracing::warn!(%cause, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Answers are small and whole; without it they may wait for more to send.
        let _ = stream.set_nodelay(true);
        let service: Router = router.clone().layer(Extension(Peer(peer)));
        let mut builder = Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        let open = Open::new(app);
        tokio::spawn(async move {
            if let Err(cause) = connection.await {
                tracing::debug!(%peer, %cause, "a connection broke off");
            }
            drop((open, place));
        });
    }
}

/// Counts a connection for as long as it is open.
struct Open(App);

impl Open {
    fn new(app: &App) -> Self {
        app.metrics.connections.inc();
        Self(app.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}

/// Forgets callers that are gone, and marks jobs whose server is.
async fn tidy(app: App) {
    loop {
        tokio::time::sleep(TIDY).await;
        app.limits.forget();
        match app.ledger.tidy_jobs(&app.running.ids(), super::secret::now()).await {
            Ok(0) => {}
            Ok(lost) => tracing::warn!(lost, "jobs had lost their server and are marked as stopped"),
            Err(cause) => tracing::warn!(%cause, "lost jobs could not be looked for"),
        }
    }
}
