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

/// Create, list and revoke the access tokens of `mcoe serve`.
#[derive(Debug, Args)]
pub(super) struct Tokens {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Create a token and print it once
///
/// The ledger stores only a hash, from which the token cannot be recovered.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe token create --workspace north --name ann --role approver --days 90")]
struct Create {
    /// The workspace that the token gives access to.
    #[arg(long, value_name = "ID")]
    workspace: String,
    /// The name of the token's owner, which is recorded as the actor of every change made with the token.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: String,
    /// What the token permits.
    #[arg(long, value_enum)]
    role: Role,
    /// Number of days for which the token is valid.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// List tokens, including revoked and expired ones.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe token list --workspace north")]
struct List {
    /// Only tokens of this workspace.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// Revoke a token, and end every session started with it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe token revoke 6f1c2a52-8d1b-4c55-9f0e-2b7a4a3f9d10")]
struct Revoke {
    /// The token's id, from `mcoe token list`.
    id: Uuid,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Read everything.
    Viewer,
    /// Also approve and cancel.
    Approver,
    /// Also run passes and simulations.
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

/// Actor names that the system itself uses.
const RESERVED_NAMES: [&str; 9] = [
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
const MAX_NAME_CHARS: usize = 80;

fn parse_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_NAME_CHARS || text.chars().any(char::is_control) {
        return Err(format!("write a name of 1 to {MAX_NAME_CHARS} characters"));
    }
    if RESERVED_NAMES.contains(&text) {
        return Err("this name is reserved for the system; choose another".to_owned());
    }
    Ok(text.to_owned())
}

impl From<NoRandomness> for Failure {
    fn from(error: NoRandomness) -> Self {
        Failure::system(error)
    }
}

impl Tokens {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match &self.command {
            TokenCommand::Create(command) => command.run(globals),
            TokenCommand::List(command) => command.run(globals),
            TokenCommand::Revoke(command) => command.run(globals),
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
        globals.info(&format!(
            "token {id} for {}, role {role} in {workspace}, valid until {}; it is shown only once:",
            self.name,
            expires_at.date()
        ));
        print(&format!("{}\n", secret.reveal()))
    }
}

impl List {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let tokens = self.database.with(OpenMode::Read, |ledger| async move {
            let ledger = match &self.workspace {
                Some(workspace) => ledger.scoped_to(WorkspaceId::new(workspace.as_str())),
                None => ledger,
            };
            Ok(ledger.tokens().await?)
        })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(tokens)));
        }
        if tokens.is_empty() {
            return print("there are no tokens\n");
        }
        let now = self.now.time();
        print(&tokens.iter().map(|token| as_text(token, now)).collect::<String>())
    }
}

fn as_text(token: &Token, now: Timestamp) -> String {
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
