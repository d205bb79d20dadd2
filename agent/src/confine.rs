//! `sce-agent confine`: writes the limits of this launch for systemd before the
//! agent starts. Runs as root, in its own unit.
//!
//! The user data of the launch contains the addresses that the agent may
//! connect to, its lifetime and the size of its volume. Without them, the units
//! in `systemd/` allow nothing. All files are written under /run, which does not
//! outlive the machine.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use sce_cloud::settings::Settings;
use tempfile::NamedTempFile;

/// The drop-in file for the agent's unit.
const DROP_IN: &str = "/run/systemd/system/sce-agent.service.d/50-launch.conf";
/// The environment file of the volume's unit.
const VOLUME: &str = "/run/sce/volume.env";
/// How long an agent may take to finish its unit and leave after its lifetime
/// has ended, in seconds.
const LEAVE_SECONDS: u64 = 3600;

/// Reads the instance's user data and writes both files.
pub(crate) async fn confine() -> anyhow::Result<()> {
    let (settings, instance) = crate::instance::fetch().await?;
    let machine = &settings.machine;
    // Without an address the agent could not leave the network; without a size any volume would
    // be accepted.
    ensure!(
        !machine.addresses.is_empty() && machine.volume_gib.is_some(),
        "the user data of {instance} names no addresses or no volume: launch workers with `sce run`"
    );
    let volume = machine.volume_gib.map(|gib| format!("SCE_VOLUME_GIB={gib}\n"));
    write(Path::new(VOLUME), &volume.unwrap_or_default())?;
    write(Path::new(DROP_IN), &render_drop_in(&settings))?;
    println!(
        "{}: address ranges: {}, lifetime: {} s at most",
        instance,
        machine.addresses.len(),
        settings.lifetime_seconds
    );
    Ok(())
}

fn render_drop_in(settings: &Settings) -> String {
    let mut text = "[Service]\n".to_owned();
    for net in &settings.machine.addresses {
        let _ = writeln!(text, "IPAddressAllow={net}");
    }
    // The agent ends itself at its lifetime. This limit is for an agent that hangs, so it must
    // not interrupt a unit that is being finished.
    let _ = writeln!(text, "RuntimeMaxSec={}", settings.lifetime_seconds + LEAVE_SECONDS);
    text
}

/// Writes a file completely or not at all.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let file = NamedTempFile::new_in(folder)?;
        fs::write(file.path(), text)?;
        // Temporary files have mode 0600; systemd and users may read this one.
        fs::set_permissions(file.path(), Permissions::from_mode(0o644))?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_contains_the_addresses_and_the_lifetime_of_the_launch() {
        let text = "lifetime_seconds = 600\n\
                    [machine]\naddresses = [\"10.0.0.0/16\", \"52.216.0.0/15\"]\n";
        let settings = Settings::parse(text, Path::new("user data")).unwrap();
        assert_eq!(
            render_drop_in(&settings),
            "[Service]\nIPAddressAllow=10.0.0.0/16\nIPAddressAllow=52.216.0.0/15\nRuntimeMaxSec=4200\n"
        );
    }
}
