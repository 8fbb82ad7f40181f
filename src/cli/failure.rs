//! Failures of commands: exit codes and messages.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use crate::planner::{ExplainError, PlanError};
use crate::report::ReportError;
use crate::scenario::ScenarioErrors;
use crate::simulator::{CompareError, DesignError, SimulateError};
use crate::store::{BadUrl, StoreError};

/// Last line of the message when a command fails that writes its results only at the end.
pub(super) const NOTHING_WRITTEN: &str = "nothing was written";

/// Remedy for a scenario without a client to plan for.
pub(super) const ADD_CLIENT: &str = "add a client whose status is active to its clients table";

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A negative result, such as a failed rule test: exit code 1.
    Negative(String),
    /// Bad input: exit code 2.
    Input(String),
    /// Bad input, rendered for a terminal with all untrusted text already escaped: exit code 2.
    Rendered(String),
    /// A system failure, such as a full disk: exit code 3.
    System(String),
    /// A system failure, among mistakes of the input, rendered as [`Failure::Rendered`] is: exit code 3.
    RenderedSystem(String),
    /// Interrupted from outside: exit code 130.
    Interrupted(String),
}

impl Failure {
    /// Bad input.
    pub fn input(cause: impl Display, remedy: impl Display) -> Self {
        Self::input_error(cause).with_remedy(remedy)
    }

    /// Bad input; the error itself says or implies how to fix it.
    pub fn input_error(error: impl Display) -> Self {
        Failure::Input(format!("error: {error}"))
    }

    /// A negative result.
    pub fn negative(cause: impl Display, remedy: impl Display) -> Self {
        Failure::Negative(format!("error: {cause}")).with_remedy(remedy)
    }

    /// A system failure.
    pub fn system(cause: impl Display) -> Self {
        Failure::System(format!("error: {cause}"))
    }

    /// Bad input if `is_input`, else a system failure.
    pub fn input_or_system(is_input: bool, cause: impl Display, remedy: impl Display) -> Self {
        let failure = if is_input { Self::input_error(cause) } else { Self::system(cause) };
        failure.with_remedy(remedy)
    }

    /// Adds a line that says how to fix it.
    pub fn with_remedy(self, remedy: impl Display) -> Self {
        self.with_line(format_args!("  remedy: {remedy}"))
    }

    /// Adds the remedy for a failure to write, if there is one.
    pub fn with_io_remedy(self, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                self.with_remedy("free disk space and run the command again")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                self.with_remedy("name a location where you have write permission")
            }
            _ => self,
        }
    }

    /// Adds a line, such as what was written before the failure.
    pub fn with_line(mut self, line: impl Display) -> Self {
        let (Failure::Negative(text)
        | Failure::Input(text)
        | Failure::Rendered(text)
        | Failure::System(text)
        | Failure::RenderedSystem(text)
        | Failure::Interrupted(text)) = &mut self;
        text.push_str(&format!("\n{line}"));
        self
    }

    /// The exit code of an interrupted process.
    pub const INTERRUPTED_CODE: i32 = 130;

    /// The exit code of the process.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Negative(_) => 1,
            Failure::Input(_) | Failure::Rendered(_) => 2,
            Failure::System(_) | Failure::RenderedSystem(_) => 3,
            Failure::Interrupted(_) => 130,
        })
    }

    /// The error message.
    pub fn message(&self) -> &str {
        match self {
            Failure::Negative(text)
            | Failure::Input(text)
            | Failure::Rendered(text)
            | Failure::System(text)
            | Failure::RenderedSystem(text)
            | Failure::Interrupted(text) => text,
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Stopped => Failure::Interrupted("interrupted: nothing was written".to_owned()),
            other => Failure::input_error(other).with_line(NOTHING_WRITTEN),
        }
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        Failure::input_error(error)
    }
}

impl From<SimulateError> for Failure {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Stopped => Failure::Interrupted("interrupted: nothing was written".to_owned()),
            other => Failure::input_error(other).with_line(NOTHING_WRITTEN),
        }
    }
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Simulate(error) => error.into(),
            CompareError::NoClients(_) => Failure::input(error, ADD_CLIENT).with_line(NOTHING_WRITTEN),
            CompareError::DifferentStart { base_start, .. } => {
                let remedy = format!("give both `start = \"{}\"` in their scenario.toml", base_start.monday());
                Failure::input(error, remedy).with_line(NOTHING_WRITTEN)
            }
            other => Failure::input_error(other).with_line(NOTHING_WRITTEN),
        }
    }
}

impl From<DesignError> for Failure {
    fn from(error: DesignError) -> Self {
        Failure::input(&error, error.remedy()).with_line(NOTHING_WRITTEN)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Stopped => Failure::Interrupted(super::interruption::interruption_message()),
            StoreError::StateChanged(_) | StoreError::Breaches(_) => Failure::negative(&error, error.remedy()),
            _ => Failure::input_or_system(error.is_input_error(), &error, error.remedy()),
        }
    }
}

impl From<BadUrl> for Failure {
    fn from(error: BadUrl) -> Self {
        Failure::input_error(error)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match &error {
            ReportError::Write { source, .. } => Failure::system(&error).with_io_remedy(source),
            _ => Failure::system(error),
        }
    }
}

impl From<ScenarioErrors> for Failure {
    fn from(errors: ScenarioErrors) -> Self {
        let text = format!("{errors}\n{} error(s) in the scenario", errors.len());
        if errors.is_system_failure() { Failure::System(text) } else { Failure::Input(text) }
    }
}
