//! Failures of commands: exit codes and messages.

use std::process::ExitCode;

use crate::planner::{ExplainError, PlanError};
use crate::report::ReportError;
use crate::scenario::ScenarioErrors;
use crate::simulator::{CompareError, DesignError, SimulateError};
use crate::store::{BadUrl, StoreError};

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A negative verdict: exit code 1.
    Verdict(String),
    /// Bad input: exit code 2.
    Input(String),
    /// Bad input, rendered for a terminal with all untrusted text already escaped: exit code 2.
    Rendered(String),
    /// A system failure, such as a full disk: exit code 3.
    Machine(String),
    /// Interrupted from outside: exit code 130.
    Interrupted(String),
}

impl Failure {
    /// The exit code of an interrupted process.
    pub const INTERRUPTED_CODE: i32 = 130;

    /// The exit code of the process.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Verdict(_) => 1,
            Failure::Input(_) | Failure::Rendered(_) => 2,
            Failure::Machine(_) => 3,
            Failure::Interrupted(_) => 130,
        })
    }

    /// The error message.
    pub fn message(&self) -> &str {
        match self {
            Failure::Verdict(text)
            | Failure::Input(text)
            | Failure::Rendered(text)
            | Failure::Machine(text)
            | Failure::Interrupted(text) => text,
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Failure::Input(format!("error: {error}\nnothing was written"))
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        Failure::Input(format!("error: {error}"))
    }
}

impl From<SimulateError> for Failure {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Stopped => Failure::Interrupted("interrupted: nothing was written".to_owned()),
            other => Failure::Input(format!("error: {other}\nnothing was written")),
        }
    }
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Simulate(error) => error.into(),
            CompareError::NoClients(_) => Failure::Input(format!(
                "error: {error}\n  remedy: add a client whose status is active to its clients table\nnothing was written"
            )),
            other => Failure::Input(format!("error: {other}\nnothing was written")),
        }
    }
}

impl From<DesignError> for Failure {
    fn from(error: DesignError) -> Self {
        Failure::Input(format!("error: {error}\n  remedy: {}\nnothing was written", error.remedy()))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = format!("error: {error}\n  remedy: {}", error.remedy());
        match error {
            StoreError::Stopped => Failure::Interrupted(super::interruption::interrupted()),
            StoreError::StateChanged(_) | StoreError::Breaches(_) => Failure::Verdict(text),
            error if error.is_input() => Failure::Input(text),
            _ => Failure::Machine(text),
        }
    }
}

impl From<BadUrl> for Failure {
    fn from(error: BadUrl) -> Self {
        Failure::Input(format!("error: {error}"))
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Failure::Machine(format!("error: {error}"))
    }
}

impl From<ScenarioErrors> for Failure {
    fn from(errors: ScenarioErrors) -> Self {
        let text = format!("{errors}\n{} error(s) in the scenario", errors.len());
        if errors.is_machine_failure() { Failure::Machine(text) } else { Failure::Input(text) }
    }
}
