//! `sce-agent volume`: makes the blank encrypted volume ready for /hipaa, and
//! empties it when the work is over. Root's work, in a unit of its own.
//!
//! core says which device is the volume and what may be done; this module
//! looks and does. It must never touch a device by its name alone, nor one on
//! which anything lies.

pub mod disk;
mod machine;
mod nvme;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sce_core::volume::{
    Device, VolumeError, Wanted, find_volume, plan_prepare, plan_wipe, refuse_other_label,
};

use self::disk::Owner;
use crate::cli::{PrepareArgs, VolumeCommand, WipeArgs};

/// How often an attachment under way is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Runs one of the two.
pub(crate) fn run(command: &VolumeCommand) -> anyhow::Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "only root reads and writes volumes: use sudo");
    match command {
        VolumeCommand::Prepare(args) => prepare(args),
        VolumeCommand::Wipe(args) => wipe(args),
    }
}

fn prepare(args: &PrepareArgs) -> anyhow::Result<()> {
    let swaps = machine::swaps()?;
    ensure!(
        swaps == 0,
        "{swaps} swap areas are on, and plaintext must never reach one: turn them off with \
         `swapoff --all`"
    );
    let owner = Owner::named(&args.owner)?;
    let bytes = args.gib.map(|gib| gib << 30);
    let wanted = Wanted { attached_at: args.attached_at.clone(), bytes };
    let (device, volume) = wait_for(&wanted, Duration::from_secs(args.wait))?;
    refuse_other_label(&device, &machine::labelled()?)?;
    let found = disk::inspect(&device.node)?;
    let steps = plan_prepare(&device, &volume, &found, args.keep)?;
    for step in &steps {
        disk::apply(*step, &device.node, owner).with_context(|| format!("prepare {volume}"))?;
    }
    let done = if steps.is_empty() { "is kept as it was" } else { "is prepared" };
    println!("volume {volume} at {} {done}", device.node);
    Ok(())
}

fn wipe(args: &WipeArgs) -> anyhow::Result<()> {
    let wanted = Wanted { attached_at: args.attached_at.clone(), bytes: None };
    let devices = machine::devices()?;
    let (device, identity) = find_volume(&devices, &wanted)?;
    let found = disk::inspect(&device.node)?;
    let way = plan_wipe(device, &identity.volume, &found, machine::discards(&device.node)?)?;
    for at in &device.mounts {
        nix::mount::umount(at.as_str())
            .with_context(|| format!("unmount {at}: stop what uses it first"))?;
    }
    disk::empty(&device.node, way).with_context(|| format!("wipe {}", identity.volume))?;
    println!("volume {} at {} is wiped ({way:?})", identity.volume, device.node);
    Ok(())
}

fn is_passing(e: &anyhow::Error) -> bool {
    e.downcast_ref::<VolumeError>().is_none_or(|e| matches!(e, VolumeError::Absent { .. }))
}

/// The volume, once it is attached.
fn wait_for(wanted: &Wanted, patience: Duration) -> anyhow::Result<(Device, String)> {
    let began = Instant::now();
    loop {
        let found = machine::devices().and_then(|devices| {
            let (device, identity) = find_volume(&devices, wanted)?;
            Ok((device.clone(), identity.volume.clone()))
        });
        match found {
            // A device half attached cannot be read, one not attached is not there.
            Err(e) if is_passing(&e) && began.elapsed() < patience => {
                std::thread::sleep(LOOK_AGAIN);
            }
            found => return found,
        }
    }
}
