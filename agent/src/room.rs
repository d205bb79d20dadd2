//! Measures the free memory of this machine and the free space on /hipaa.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nix::sys::statvfs::statvfs;
use sce_core::room::Room;
use sysinfo::{MemoryRefreshKind, System};

const MIB: u64 = 1 << 20;

/// Returns a function that measures at every call. `volume` is the directory
/// that represents /hipaa; if its file system cannot be read, it has no space.
pub(crate) fn measure(volume: PathBuf) -> impl Fn() -> Room + Send + Sync {
    let system = Mutex::new(System::new());
    move || {
        let mut system = system.lock().unwrap_or_else(PoisonError::into_inner);
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        // A container may have a lower limit than the machine's memory.
        let allowed = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
        let hipaa = statvfs(&volume).map_or(0, |fs| fs.blocks_available() * fs.fragment_size());
        Room { memory_mib: system.available_memory().min(allowed) / MIB, hipaa_mib: hipaa / MIB }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_directory_has_space_and_an_absent_one_has_none() {
        let here = measure(std::env::temp_dir())();
        assert!(here.memory_mib > 0 && here.hipaa_mib > 0, "{here:?}");
        assert_eq!(measure("/nowhere".into())().hipaa_mib, 0);
    }
}
