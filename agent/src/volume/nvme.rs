//! Reads the identity of an NVMe controller.
//!
//! Used by `machine`. The only unsafe code of this crate: the kernel provides
//! the controller's response only through an ioctl. Must never send any other
//! command than Identify, which only reads.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use sce_core::volume::IDENTIFY_BYTES;

/// Opcode of the admin command Identify (NVM Express base specification).
const IDENTIFY: u8 = 0x06;
/// Length of the response, as a field of the command.
const ANSWER_BYTES: u32 = 4096;
const _: () = assert!(ANSWER_BYTES as usize == IDENTIFY_BYTES);
/// The subject of the command: the controller.
const CONTROLLER: u32 = 1;
const TIMEOUT_MILLISECONDS: u32 = 5000;

/// `struct nvme_passthru_cmd` of linux/nvme_ioctl.h.
#[repr(C)]
#[derive(Default)]
struct AdminCommand {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    data: u64,
    metadata_bytes: u32,
    data_bytes: u32,
    cdw10: u32,
    cdw11_to_15: [u32; 5],
    timeout_milliseconds: u32,
    result: u32,
}

nix::ioctl_readwrite!(admin_command, b'N', 0x41, AdminCommand);

/// Returns the controller's response to Identify. `device` is one of its
/// namespaces.
pub(super) fn identify(device: &File) -> io::Result<[u8; IDENTIFY_BYTES]> {
    let mut answer = [0; IDENTIFY_BYTES];
    let mut command = AdminCommand {
        opcode: IDENTIFY,
        data: answer.as_mut_ptr() as u64,
        data_bytes: ANSWER_BYTES,
        cdw10: CONTROLLER,
        timeout_milliseconds: TIMEOUT_MILLISECONDS,
        ..AdminCommand::default()
    };
    // SAFETY: the descriptor is open, the command has the kernel's layout, and
    // the kernel writes at most `data_bytes` to `answer`, which outlives it.
    match unsafe { admin_command(device.as_raw_fd(), &raw mut command) } {
        Ok(0) => Ok(answer),
        Ok(status) => Err(io::Error::other(format!("the controller returned status {status}"))),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_the_size_of_the_kernels_struct() {
        assert_eq!(size_of::<AdminCommand>(), 72);
    }
}
