//! The ledger: what was planned, approved, drafted and decided, in PostgreSQL or SQLite.
//!
//! ```text
//! scenario ── load ──> clients, channel_state, assets, … ── client_state ──> model::Scenario
//! plan ────── commit ─> plans, schedules, actions
//! people ──── review ─> approved, cancelled
//! clock ───── daily ──> re-evaluated, expired, drafted; channel_state is updated
//!             status, actions, impact: read-only
//! ```
//!
//! Every step is one transaction. Decisions are recorded in `decisions`, which is append-only, together with what many
//! of them have in common; the view `campaign_orchestration_actions` shows them whole.
//! Nothing is published: executing a schedule creates a draft. The current time is an argument; the only clock read
//! here measures the time spent waiting for the database.

mod access;
mod action_log;
mod attach;
mod bulk_insert;
mod channels;
mod client_rows;
mod client_state;
mod commit;
mod conditions;
mod daily;
mod database;
mod day_posts;
mod decision_facts;
mod decision_rows;
mod drafts;
mod error;
mod estimates;
mod health;
mod impact;
mod job_status;
mod jobs;
mod json;
mod ledger;
mod listing;
mod load;
mod max_wait;
mod measured_posts;
mod migrations;
mod open_mode;
mod pagination;
mod pass;
mod rebase;
mod records;
mod retry;
mod review;
mod row;
mod schedule;
mod schedule_json;
mod sqlite_file;
mod status;
mod url;
mod values;
mod week_over;
mod weekly;

pub use access::{NewToken, Token};
pub use action_log::{Action, ActionCount, ActionFilter};
pub use client_state::Counted;
pub use commit::{Commit, Committed};
pub use daily::DailyOutcome;
pub use error::StoreError;
pub use health::HealthDay;
pub use impact::ImpactFilter;
pub use job_status::{JobKind, JobStatus};
pub use jobs::{Ending, Job, LOST_AFTER, NewJob, RequestedJob};
pub use ledger::Ledger;
pub use listing::{ClientName, ConflictFilter, ConflictGroup, DayCount, Order, RecordedConflict};
pub use load::Loaded;
pub use open_mode::OpenMode;
pub use pagination::{Cursor, InvalidCursor, Page};
pub use rebase::Rebased;
pub use retry::WAITING;
pub use review::{Change, Changed, ScheduleFilter, Skipped};
pub use schedule::Schedule;
pub use status::{ChannelStatus, Overview};
pub use url::{BadUrl, DatabaseUrl};
pub use week_over::refuse_if_week_is_over;
pub use weekly::{NoObserver, Observer, PlannedWeek, WeeklyOutcome};
