//! A private PostgreSQL server for the tests: started on a socket in a temporary folder, stopped and removed
//! when the tests' process ends, however it ends. If `DATABASE_URL` names a server, that one is used.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::packages::{install, is_root};

/// Creates a cluster, starts it, waits until its input ends, and removes everything.
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

/// A server.
pub struct Server {
    /// Address without a database: the parts before and after its name.
    before: String,
    after: String,
    private: Option<Private>,
}

struct Private {
    dir: PathBuf,
    bin: PathBuf,
    _supervisor: Child,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The server that tests share.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("DATABASE_URL") {
        Ok(url) if url.starts_with("postgres") => Server::named(&url),
        _ => Server::start(),
    })
}

impl Server {
    /// The server of an address; its user must be able to create databases.
    fn named(url: &str) -> Self {
        let (address, parameters) = url.split_once('?').map_or((url, ""), |(address, rest)| (address, rest));
        let (before, _) = address.rsplit_once('/').unwrap();
        let after = if parameters.is_empty() { String::new() } else { format!("?{parameters}") };
        Self { before: before.to_owned(), after, private: None }
    }

    /// A private server.
    pub fn start() -> Self {
        let bin = binaries();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("mcoe-pg-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut supervisor = as_plain_user(&dir);
        supervisor.args(["sh", "-c", SUPERVISE, "supervise"]).arg(&dir).arg(&bin);
        let child = supervisor.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self {
            before: "postgres://postgres@localhost".to_owned(),
            after: format!("?host={}", dir.display()),
            private: Some(Private { dir, bin, _supervisor: child }),
        };
        server.wait();
        server
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.before, self.after)
    }

    /// The folder of the private server's socket.
    pub fn socket(&self) -> Option<&Path> {
        self.private.as_ref().map(|private| private.dir.as_path())
    }

    /// Creates a database. Returns its address.
    pub fn fresh(&self) -> String {
        let name = format!("mcoe_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Runs a statement outside the tests' databases.
    pub fn run(&self, sql: &str) {
        super::block_on(async {
            let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    }

    /// Stops the running server in a mode of pg_ctl, and starts it again.
    pub fn restart(&self, mode: &str) {
        let Private { dir, bin, .. } = self.private.as_ref().expect("only a private server is restarted");
        let mut restart = as_plain_user(dir);
        restart.arg(bin.join("pg_ctl")).arg("-D").arg(dir.join("data")).args(["-m", mode, "-w", "restart"]);
        let log = dir.join("log");
        assert!(restart.arg("-l").arg(log).stdout(Stdio::null()).status().unwrap().success());
    }

    fn wait(&self) {
        let start = Instant::now();
        let is_up = || super::block_on(async { PgConnection::connect(&self.url("postgres")).await.is_ok() });
        while !is_up() {
            assert!(start.elapsed() < Duration::from_secs(120), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// PostgreSQL refuses to run as root, so root runs it as the user of its package.
fn as_plain_user(dir: &Path) -> Command {
    if !is_root() {
        return Command::new("env");
    }
    assert!(Command::new("chown").arg("postgres").arg(dir).status().unwrap().success());
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", "env"]).current_dir("/");
    command
}

/// The folder of PostgreSQL's programs. If there is none, Debian's package is installed.
fn binaries() -> PathBuf {
    installed().unwrap_or_else(|| {
        install(&["postgresql"]);
        installed().expect("PostgreSQL is not installed and cannot be: install it, or set DATABASE_URL")
    })
}

fn installed() -> Option<PathBuf> {
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
