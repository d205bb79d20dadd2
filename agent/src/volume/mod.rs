//! `sce-agent volume`: prepares the blank encrypted volume for /hipaa, and wipes
//! it when the work is over. Runs as root, in its own unit.
//!
//! `sce-core` decides which device is the volume and what may be done; this
//! module reads the machine and executes the decision. It must never change a
//! device that it knows only by name, or a device that contains data.

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

/// Interval for checking whether the volume is attached.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// Runs `sce-agent volume`.
pub(crate) fn run(command: &VolumeCommand) -> anyhow::Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "volumes can be changed only by root: use sudo");
    match command {
        VolumeCommand::Prepare(args) => prepare(args),
        VolumeCommand::Wipe(args) => wipe(args),
    }
}

fn prepare(args: &PrepareArgs) -> anyhow::Result<()> {
    let swaps = machine::swaps()?;
    let areas = if swaps == 1 { "swap area is" } else { "swap areas are" };
    ensure!(
        swaps == 0,
        "{swaps} {areas} on, and plaintext must never reach one: turn swap off with \
         `swapoff --all`"
    );
    let owner = Owner::named(&args.owner)?;
    let bytes = args.gib.map(|gib| gib << 30);
    let wanted = Wanted { attached_at: args.attached_at.clone(), bytes };
    let (device, volume) = wait_for(&wanted, Duration::from_secs(args.wait))?;
    // Another disk with our label could be mounted at /hipaa instead of this one.
    refuse_other_label(&device, &machine::labeled()?)?;
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
    // Unmounted after all checks: a refused wipe changes nothing.
    for at in &device.mounts {
        nix::mount::umount(at.as_str())
            .with_context(|| format!("unmount {at}: stop the processes that use it first"))?;
    }
    disk::empty(&device.node, way).with_context(|| format!("wipe {}", identity.volume))?;
    println!("volume {} at {} is wiped ({way:?})", identity.volume, device.node);
    Ok(())
}

/// Whether an error may disappear while the volume is being attached.
fn is_transient(e: &anyhow::Error) -> bool {
    e.downcast_ref::<VolumeError>().is_none_or(|e| matches!(e, VolumeError::Absent { .. }))
}

/// Waits until the volume is attached.
fn wait_for(wanted: &Wanted, patience: Duration) -> anyhow::Result<(Device, String)> {
    let began = Instant::now();
    loop {
        let found = machine::devices().and_then(|devices| {
            let (device, identity) = find_volume(&devices, wanted)?;
            Ok((device.clone(), identity.volume.clone()))
        });
        match found {
            // A device that is being attached may be absent, or present but unreadable.
            Err(e) if is_transient(&e) && began.elapsed() < patience => {
                std::thread::sleep(CHECK_EVERY);
            }
            found => return found,
        }
    }
}
