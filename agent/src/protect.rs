//! What of this process must never reach a disk: its memory. No core dump, no
//! other process that looks into it (but root's), and on a worker no page of it
//! in a swap area.

use anyhow::Context;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// Turns off core dumps and access by other processes of the same user.
///
/// # Errors
/// The system refuses; then no health data may be opened here.
pub(crate) fn keep_memory_private() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("turn off core dumps")?;
    set_dumpable(false).context("keep this process's memory private")
}

/// Lock pages when they are first touched (linux/mman.h); nix has no name for it.
const MCL_ONFAULT: i32 = 4;

/// Locks all memory of this process, now and later, where its limit allows any
/// amount, as the agent's unit does; false where it does not.
///
/// # Errors
/// The system refuses all the same.
pub(crate) fn lock_memory() -> anyhow::Result<bool> {
    let (limit, _) = getrlimit(Resource::RLIMIT_MEMLOCK).context("ask for the lock limit")?;
    if limit != RLIM_INFINITY {
        return Ok(false);
    }
    let all = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE;
    let all = all | MlockAllFlags::from_bits_retain(MCL_ONFAULT);
    mlockall(all).context("lock this process's memory")?;
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use nix::sys::prctl::get_dumpable;

    #[test]
    fn a_protected_process_leaves_no_core() {
        keep_memory_private().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
        assert!(!get_dumpable().unwrap());
    }
}
