//! Parses an NVMe controller's answer to Identify for the volume behind it.
//!
//! Used by `sce-agent volume`. It must never panic on any answer. Offsets are
//! those of the Identify Controller data structure (NVM Express base
//! specification): vendor 0, serial 4, model 24, vendor specific 3072. EBS writes
//! the volume id as serial number and, first in the vendor specific part, the
//! device name of the attachment (Amazon EC2 user guide, "Map NVMe devices to EBS
//! volumes").

/// Length of the answer, in bytes.
pub const IDENTIFY_BYTES: usize = 4096;
/// Amazon's vendor id on the PCI bus.
const AMAZON: u16 = 0x1D0F;
/// The model of every EBS volume.
const EBS_MODEL: &str = "Amazon Elastic Block Store";

/// A volume as its controller reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The volume id, like `vol-0123456789abcdef0`.
    pub volume: String,
    /// The device name of the attachment, like `/dev/sdf`; `None` for other vendors than
    /// Amazon.
    pub device: Option<String>,
}

/// Returns the volume behind a controller; `None` if it is not a volume (an instance store
/// or another kind of disk).
pub fn parse_identify(answer: &[u8; IDENTIFY_BYTES]) -> Option<Identity> {
    let serial = text(&answer[4..24])?;
    let digits = serial.strip_prefix("vol")?;
    // EBS reports the id without its hyphen; both forms are accepted.
    let digits = digits.strip_prefix('-').unwrap_or(digits);
    let is_id = matches!(digits.len(), 8 | 17)
        && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !is_id {
        return None;
    }
    let volume = format!("vol-{digits}");
    // The vendor specific bytes have this meaning only for Amazon's controllers.
    if u16::from_le_bytes([answer[0], answer[1]]) != AMAZON {
        return Some(Identity { volume, device: None });
    }
    if text(&answer[24..64])? != EBS_MODEL {
        return None;
    }
    let device = text(&answer[3072..3104]).filter(|name| !name.is_empty());
    // Empty if the volume was attached without a name.
    let device = device.map(|name| format!("/dev/{}", name.strip_prefix("/dev/").unwrap_or(name)));
    Some(Identity { volume, device })
}

/// A field of printable ASCII, padded by spaces or zeros.
fn text(field: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches([' ', '\0']);
    text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()).then_some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(vendor: u16, serial: &str, model: &str, device: &str) -> [u8; IDENTIFY_BYTES] {
        let mut answer = [0; IDENTIFY_BYTES];
        answer[..2].copy_from_slice(&vendor.to_le_bytes());
        answer[4..64].fill(b' ');
        answer[4..4 + serial.len()].copy_from_slice(serial.as_bytes());
        answer[24..24 + model.len()].copy_from_slice(model.as_bytes());
        answer[3072..3072 + device.len()].copy_from_slice(device.as_bytes());
        answer
    }

    #[test]
    fn a_volume_is_known_by_its_serial_and_amazons_also_by_its_attachment() {
        let volume = "vol0123456789abcdef0";
        for (vendor, serial, model, device, expected) in [
            (AMAZON, volume, EBS_MODEL, "sdf", Some(Some("/dev/sdf"))),
            (AMAZON, volume, EBS_MODEL, "/dev/sdf", Some(Some("/dev/sdf"))),
            (
                AMAZON,
                volume,
                EBS_MODEL,
                "/dev/xvda                       ",
                Some(Some("/dev/xvda")),
            ),
            (AMAZON, volume, EBS_MODEL, "", Some(None)),
            (AMAZON, volume, "Amazon EC2 NVMe Instance Storage", "", None),
            (AMAZON, "AWS0123456789ABCDEF0", "Amazon EC2 NVMe Instance Storage", "", None),
            (AMAZON, volume, EBS_MODEL, "sd\u{1}", Some(None)),
            (0x1b36, volume, "QEMU NVMe Ctrl", "", Some(None)),
            // The bytes of another vendor have another meaning there.
            (0x144d, volume, "Some SSD", "sdf", Some(None)),
            (0x144d, "S4EWNX0R123456", "Some SSD", "", None),
            (AMAZON, "vol0123456789ABCDEF0", EBS_MODEL, "sdf", None),
            (AMAZON, "vol012345", EBS_MODEL, "sdf", None),
            (AMAZON, "vol", EBS_MODEL, "sdf", None),
        ] {
            let found = parse_identify(&answer(vendor, serial, model, device));
            let named = found.as_ref().map(|identity| identity.device.as_deref());
            assert_eq!(named, expected, "{serial} {model} {device:?}");
            if let Some(identity) = found {
                assert_eq!(identity.volume, "vol-0123456789abcdef0");
            }
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), IDENTIFY_BYTES)) {
            let answer: [u8; IDENTIFY_BYTES] = bytes.try_into().unwrap();
            prop_assert_eq!(parse_identify(&answer), None);
        }
    }
}
