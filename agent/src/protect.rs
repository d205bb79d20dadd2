//! Keeps the memory of this process off disks: no core dumps, no access by
//! other processes (except root's), and on a worker no pages in a swap area.

use anyhow::Context;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// Turns off core dumps and access by other processes of the same user.
///
/// # Errors
/// The system refuses. Then no health data may be opened by this process.
pub(crate) fn keep_memory_private() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("turn off core dumps")?;
    set_dumpable(false).context("keep this process's memory private")
}

/// Lock pages when they are first used (linux/mman.h); nix has no name for it.
const MCL_ONFAULT: i32 = 4;

/// Locks all current and future memory of this process if its limit is infinite,
/// as in the agent's unit. Returns false if it is not.
///
/// # Errors
/// The system refuses although the limit is infinite.
pub(crate) fn lock_memory() -> anyhow::Result<bool> {
    let (limit, _) = getrlimit(Resource::RLIMIT_MEMLOCK).context("ask for the lock limit")?;
    // With a finite limit, later allocations would fail in the middle of the work.
    if limit != RLIM_INFINITY {
        return Ok(false);
    }
    // Without ONFAULT, every reserved page would be loaded at once, such as the stacks of threads.
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
