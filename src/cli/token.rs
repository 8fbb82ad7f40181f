//! `mcoe token`: manages the access tokens of a served ledger.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::failure::Failure;
use super::ledger::{DatabaseArgument, NowArgument};
use super::{Format, Globals, print};
use crate::model::{Timestamp, WorkspaceId};
use crate::store::{NewToken, OpenMode, Token};
use crate::web::{NoRandomness, Secret, random_id};

/// Make, list and revoke the access tokens of `mcoe serve`.
#[derive(Debug, Args)]
pub(super) struct Tokens {
    #[command(subcommand)]
    command: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token and show it, this once
///
/// The ledger keeps a hash of it, so that nobody can read it from there.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe token create --workspace north --name ann --role approver --days 90")]
struct Create {
    /// The workspace that it opens.
    #[arg(long, value_name = "ID")]
    workspace: String,
    /// Whose it is: the actor of everything that is changed with it.
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: String,
    /// What may be done with it.
    #[arg(long, value_enum)]
    role: Role,
    /// Days that it lives.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// List tokens, those that open nothing any more among them.
#[derive(Debug, Args)]
struct List {
    /// Of one workspace.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// Take a token back, and end every session that was opened with it.
#[derive(Debug, Args)]
struct Revoke {
    /// Its id, from `mcoe token list`.
    id: Uuid,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// See everything.
    Viewer,
    /// Approve and cancel, too.
    Approver,
    /// Run passes and simulations, too.
    Admin,
}

impl From<Role> for crate::model::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Approver => Self::Approver,
            Role::Admin => Self::Admin,
        }
    }
}

/// Actor names reserved for the system in the record.
const MACHINES: [&str; 9] = [
    "schedule",
    "daily_pass",
    "local",
    "agency_director",
    "client_ops",
    "creative_director",
    "early_warning",
    "performance_reality",
    "scaling",
];

/// Maximum length of a name, in characters.
const MOST_LETTERS: usize = 80;

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MOST_LETTERS || text.chars().any(char::is_control) {
        return Err(format!("write a name of 1 to {MOST_LETTERS} letters"));
    }
    if MACHINES.contains(&text) {
        return Err("the record knows this name as one of the engine's own; choose another".to_owned());
    }
    Ok(text.to_owned())
}

impl From<NoRandomness> for Failure {
    fn from(error: NoRandomness) -> Self {
        Failure::Machine(format!("error: {error}"))
    }
}

impl Tokens {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match &self.command {
            Step::Create(step) => step.run(globals),
            Step::List(step) => step.run(globals),
            Step::Revoke(step) => step.run(globals),
        }
    }
}

impl Create {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let (secret, id, now) = (Secret::token()?, random_id()?, self.now.time());
        let expires_at = now.plus_days(i64::from(self.days));
        let workspace = WorkspaceId::new(self.workspace.as_str());
        let hash = secret.hash();
        let role = self.role.into();
        let token = NewToken { id, workspace: &workspace, name: &self.name, role, hash: &hash, now, expires_at };
        self.database.with(OpenMode::Write, |ledger| async move { Ok(ledger.create_token(&token).await?) })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"id": id, "token": secret.reveal(), "expires_at": expires_at})));
        }
        globals.say(&format!(
            "token {id} for {}, {role} of {workspace}, until {}; it is shown this once:",
            self.name,
            expires_at.date()
        ));
        print(&format!("{}\n", secret.reveal()))
    }
}

impl List {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let found = self.database.with(OpenMode::Read, |ledger| async move {
            let ledger = match &self.workspace {
                Some(workspace) => ledger.scoped_to(WorkspaceId::new(workspace.as_str())),
                None => ledger,
            };
            Ok(ledger.tokens().await?)
        })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(found)));
        }
        if found.is_empty() {
            return print("there is no token\n");
        }
        let now = self.now.time();
        print(&found.iter().map(|token| line(token, now)).collect::<String>())
    }
}

fn line(token: &Token, now: Timestamp) -> String {
    let state = match token.revoked_at {
        Some(at) => format!("revoked {}", at.date()),
        None if token.is_active(now) => format!("until {}", token.expires_at.date()),
        None => format!("expired {}", token.expires_at.date()),
    };
    format!("{}  {:<8}  {:<20}  {state}  {}\n", token.id, token.role.name(), token.workspace_id, token.name)
}

impl Revoke {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let now = self.now.time();
        let token = self
            .database
            .with(OpenMode::Write, |ledger| async move { Ok(ledger.revoke_token(self.id, now).await?) })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(token)));
        }
        print(&format!("revoked {} of {}\n", token.name, token.workspace_id))
    }
}
