//! The ledger: what was planned, approved, drafted and decided, in PostgreSQL or SQLite.
//!
//! ```text
//! scenario ── load ──> clients, channel_state, assets, … ── standing ──> model::Scenario
//! plan ────── commit ─> plans, schedules, actions
//! people ──── review ─> approved, cancelled
//! clock ───── daily ──> judged again, expired, drafted; channel_state moves on
//!             status, record, impact: read only
//! ```
//!
//! Every change is one transaction that either stands whole or leaves nothing behind, and each leaves a
//! row in `campaign_orchestration_actions`, which nobody can change. Nothing here publishes: executing a
//! schedule makes a draft. The time comes in as an argument; the only clock here says how long a database is waited
//! for.

mod access;
mod attach;
mod channels;
mod client_rows;
mod commit;
mod conditions;
mod daily;
mod database;
mod drafts;
mod error;
mod grounds;
mod health;
mod impact;
mod jobs;
mod ledger;
mod lines;
mod listing;
mod load;
mod rebase;
mod record;
mod records;
mod retry;
mod review;
mod row;
mod sqlite_file;
mod standing;
mod status;
mod url;
mod values;
mod weekly;

pub use access::{NewToken, Token};
pub use commit::{Commit, Committed};
pub use daily::DailyOutcome;
pub use error::StoreError;
pub use health::HealthDay;
pub use impact::ImpactFilter;
pub use jobs::{Asked, Ending, Job, JobKind, JobStatus, LOST_AFTER, NewJob};
pub use ledger::{Ledger, OpenMode};
pub use listing::{BadMark, ClientName, ConflictFilter, ConflictGroup, DayCount, FoundConflict, Mark, Order, Page};
pub use load::Loaded;
pub use rebase::Rebased;
pub use record::{Action, ActionFilter};
pub use retry::WAITING;
pub use review::{Change, Changed, Schedule, ScheduleFilter, Skipped};
pub use standing::Counted;
pub use status::{ChannelStatus, Overview};
pub use url::{BadUrl, DatabaseUrl};
pub use weekly::{Observer, Unwatched, WeeklyOutcome, refuse_if_over};
