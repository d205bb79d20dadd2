//! What room this machine has left: memory, and space on /hipaa.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nix::sys::statvfs::statvfs;
use sce_core::room::Room;
use sysinfo::{MemoryRefreshKind, System};

const MIB: u64 = 1 << 20;

/// Measures at every call. `volume` is the directory standing for /hipaa;
/// where it cannot be asked, it has no room.
pub(crate) fn measure(volume: PathBuf) -> impl Fn() -> Room + Send + Sync {
    let system = Mutex::new(System::new());
    move || {
        let mut system = system.lock().unwrap_or_else(PoisonError::into_inner);
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        // A container may be allowed less than the machine has.
        let allowed = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
        let hipaa = statvfs(&volume).map_or(0, |fs| fs.blocks_available() * fs.fragment_size());
        Room { memory_mib: system.available_memory().min(allowed) / MIB, hipaa_mib: hipaa / MIB }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_where_there_is_and_none_where_nothing_is() {
        let here = measure(std::env::temp_dir())();
        assert!(here.memory_mib > 0 && here.hipaa_mib > 0, "{here:?}");
        assert_eq!(measure("/nowhere".into())().hipaa_mib, 0);
    }
}
