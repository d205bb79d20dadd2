//! `sce-agent confine`: what this launch allows, told to systemd before the
//! agent starts. Root's work, in a unit of its own.
//!
//! The launch says in its user data which addresses the agent may connect to,
//! how long it may live and how large its volume is; the units in `systemd/`
//! allow nothing of this by themselves. Everything written is under /run and
//! gone with the machine.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use sce_cloud::aws::OwnInstance;
use sce_cloud::settings::Settings;
use tempfile::NamedTempFile;

/// What systemd reads on top of the agent's own unit.
const DROP_IN: &str = "/run/systemd/system/sce-agent.service.d/50-launch.conf";
/// What the volume's unit reads.
const VOLUME: &str = "/run/sce/volume.env";
/// How long an agent may take, once its lifetime is over, to finish its unit
/// and leave, in seconds.
const LEAVE_SECONDS: u64 = 3600;

/// Reads the instance's user data and writes both files.
pub(crate) async fn confine() -> anyhow::Result<()> {
    let instance = OwnInstance::fetch().await?;
    let settings = instance.settings()?;
    let machine = &settings.machine;
    ensure!(
        !machine.addresses.is_empty() && machine.volume_gib.is_some(),
        "the user data of {} name no addresses or no volume: launch workers with `sce run`",
        instance.id
    );
    let volume = machine.volume_gib.map(|gib| format!("SCE_VOLUME_GIB={gib}\n"));
    write(Path::new(VOLUME), &volume.unwrap_or_default())?;
    write(Path::new(DROP_IN), &render_drop_in(&settings))?;
    println!(
        "{}: {} address ranges, at most {} s",
        instance.id,
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
    let _ = writeln!(text, "RuntimeMaxSec={}", settings.lifetime_seconds + LEAVE_SECONDS);
    text
}

/// Writes a file, whole or not at all.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let file = NamedTempFile::new_in(folder)?;
        fs::write(file.path(), text)?;
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
    fn the_agent_may_connect_where_the_launch_says_and_no_longer_than_it_says() {
        let text = "lifetime_seconds = 600\n\
                    [machine]\naddresses = [\"10.0.0.0/16\", \"52.216.0.0/15\"]\n";
        let settings = Settings::parse(text, Path::new("user data")).unwrap();
        assert_eq!(
            render_drop_in(&settings),
            "[Service]\nIPAddressAllow=10.0.0.0/16\nIPAddressAllow=52.216.0.0/15\nRuntimeMaxSec=4200\n"
        );
    }
}
