//! What jobs do, and their status.

use crate::model::named;

named!(
    /// What a job does.
    JobKind {
        /// The daily pass.
        Daily = "daily",
        /// Plans the coming week and commits it.
        Weekly = "weekly",
        /// Plans a week and commits nothing.
        Plan = "plan",
        /// Simulates the workspace from its current state.
        Simulate = "simulate",
        /// Simulates it under the current rules and under changed ones, and compares the results.
        Compare = "compare",
    }
);

named!(
    /// The status of a job.
    JobStatus {
        /// It is running.
        Running = "running",
        /// It has finished with a result.
        Done = "done",
        /// It has failed, and has an error message.
        Failed = "failed",
        /// Its server was stopped; what it had already committed remains.
        Stopped = "stopped",
        /// It was cancelled; what it had already committed remains.
        Cancelled = "cancelled",
    }
);
