//! Who may do what in a workspace.

use super::named::named;

named!(
    /// What somebody may do in a workspace, least first; each may do what those before it may.
    Role {
        /// See everything.
        Viewer = "viewer",
        /// Approve and cancel.
        Approver = "approver",
        /// Run passes and simulations.
        Admin = "admin",
    }
);
