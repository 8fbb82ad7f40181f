//! Access roles in a workspace.

use super::named::named;

named!(
    /// A role in a workspace, least privileged first; each includes the permissions of those before it.
    Role {
        /// See everything.
        Viewer = "viewer",
        /// Approve and cancel.
        Approver = "approver",
        /// Run daily passes and simulations.
        Admin = "admin",
    }
);
