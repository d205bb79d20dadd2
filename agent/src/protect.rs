//! What of this process must never reach a disk: its memory. No core dump, no
//! other process that looks into it (but root's).

use anyhow::Context;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

/// Turns off core dumps and access by other processes of the same user.
///
/// # Errors
/// The system refuses; then no health data may be opened here.
pub(crate) fn keep_memory_private() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("turn off core dumps")?;
    set_dumpable(false).context("keep this process's memory private")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use nix::sys::prctl::get_dumpable;
    use nix::sys::resource::getrlimit;

    #[test]
    fn a_protected_process_leaves_no_core() {
        keep_memory_private().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
        assert!(!get_dumpable().unwrap());
    }
}
