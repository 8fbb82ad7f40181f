//! PostgreSQL for the tests: a private server on a socket in a temporary folder, which is stopped and removed when
//! the tests' process ends, however it ends. If `DATABASE_URL` names a server, that one is used instead.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::packages::{install, is_root};

/// Creates a cluster and starts its server. When standard input ends, stops the server and removes the cluster.
const SUPERVISE: &str = r#"
dir=$1; bin=$2
"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync >"$dir/log" 2>&1 || exit 1
sed -i '1i local all keyholder scram-sha-256' "$dir/data/pg_hba.conf"
printf "%s\n" "unix_socket_directories = '$dir'" "listen_addresses = ''" "fsync = off" "max_connections = 200" \
    "log_min_messages = fatal" >>"$dir/data/postgresql.conf"
"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w start >/dev/null 2>&1 || exit 1
cat >/dev/null
"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
"#;

/// A PostgreSQL server.
pub struct Server {
    /// The part of a URL before the name of the database, without the slash.
    before: String,
    /// The part of a URL after the name of the database: empty, or parameters with their question mark.
    after: String,
    /// `None` for the server of `DATABASE_URL`.
    private: Option<PrivateServer>,
}

/// A server that was started here, and can therefore be restarted.
struct PrivateServer {
    dir: PathBuf,
    bin: PathBuf,
    _supervisor: Child,
}

/// The number of the next private server or database, unique within the process.
static NEXT_NUMBER: AtomicU32 = AtomicU32::new(0);

/// The server that all tests share.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("DATABASE_URL") {
        Ok(url) if url.starts_with("postgres") => Server::at(&url),
        _ => Server::start(),
    })
}

impl Server {
    /// The server of a URL, whose user must be able to create databases.
    fn at(url: &str) -> Self {
        let (path, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (before, _) = path.rsplit_once('/').unwrap();
        let after = if parameters.is_empty() { String::new() } else { format!("?{parameters}") };
        Self { before: before.to_owned(), after, private: None }
    }

    /// Starts a private server.
    pub fn start() -> Self {
        let bin = find_or_install_binaries();
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("mcoe-pg-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut supervisor = as_unprivileged_user(&dir);
        supervisor.args(["sh", "-c", SUPERVISE, "supervise"]).arg(&dir).arg(&bin);
        let child = supervisor.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self {
            before: "postgres://postgres@localhost".to_owned(),
            after: format!("?host={}", dir.display()),
            private: Some(PrivateServer { dir, bin, _supervisor: child }),
        };
        server.wait_until_ready();
        server
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.before, self.after)
    }

    /// The folder of the socket; `None` if the server is not private.
    pub fn socket_folder(&self) -> Option<&Path> {
        self.private.as_ref().map(|private| private.dir.as_path())
    }

    /// Creates a database. Returns its URL.
    pub fn create_database(&self) -> String {
        let name = format!("mcoe_{}_{}", std::process::id(), NEXT_NUMBER.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Runs an SQL statement in the database `postgres`.
    pub fn run(&self, sql: &str) {
        super::block_on(async {
            let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    }

    /// Restarts the server. `shutdown_mode` is `fast` or `immediate`, as for pg_ctl.
    pub fn restart(&self, shutdown_mode: &str) {
        let PrivateServer { dir, bin, .. } = self.private.as_ref().expect("only a private server is restarted");
        let mut restart = as_unprivileged_user(dir);
        restart.arg(bin.join("pg_ctl")).arg("-D").arg(dir.join("data")).args(["-m", shutdown_mode, "-w", "restart"]);
        let log = dir.join("log");
        assert!(restart.arg("-l").arg(log).stdout(Stdio::null()).status().unwrap().success());
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        let is_up = || super::block_on(async { PgConnection::connect(&self.url("postgres")).await.is_ok() });
        while !is_up() {
            assert!(start.elapsed() < Duration::from_secs(120), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A command that runs the program in its arguments. PostgreSQL refuses to run as root, so root runs the program as
/// the user `postgres` and makes that user the owner of `dir`.
fn as_unprivileged_user(dir: &Path) -> Command {
    if !is_root() {
        return Command::new("env");
    }
    assert!(Command::new("chown").arg("postgres").arg(dir).status().unwrap().success());
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", "env"]).current_dir("/");
    command
}

/// The folder of PostgreSQL's programs. If they are missing, Debian's package is installed.
fn find_or_install_binaries() -> PathBuf {
    find_binaries().unwrap_or_else(|| {
        install(&["postgresql"]);
        find_binaries().expect("PostgreSQL is missing and could not be installed: install it, or set DATABASE_URL")
    })
}

/// The last folder of `PATH` with the programs, or else the newest version in `/usr/lib/postgresql`.
fn find_binaries() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().rev().find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}
