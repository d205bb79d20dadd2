//! The kinds of callers that open a project.
//!
//! Used by both binaries. Only the agent, or a user on a private machine, may
//! get keys that open data.

/// The kind of caller that opens a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Opens and seals objects: the agent, or a user on their own machine.
    HandlesData,
    /// Never opens objects: the coordinator on the bastion (B).
    Coordinates,
    /// Never opens objects, and assumes the intake role: the service on the bastion (B) that
    /// registers uploads.
    RegistersUploads,
}
