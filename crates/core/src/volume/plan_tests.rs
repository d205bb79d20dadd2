//! Tests of finding, preparing and wiping volumes: tables of cases.

use super::*;

const GIB: u64 = 1 << 30;
const VOLUME: &str = "vol-0123456789abcdef0";

fn device(node: &str, volume: Option<&str>, attached_at: Option<&str>, mounts: &[&str]) -> Device {
    let identity = volume.map(|volume| Identity {
        volume: volume.to_owned(),
        device: attached_at.map(str::to_owned),
    });
    let mounts = mounts.iter().map(|&at| at.to_owned()).collect();
    Device { node: node.to_owned(), bytes: 10 * GIB, identity, mounts }
}

fn wanted() -> Wanted {
    Wanted { attached_at: "/dev/sdf".to_owned(), bytes: Some(10 * GIB) }
}

fn signed(names: &[&str]) -> Content {
    Content::Signed(names.iter().map(|&name| name.to_owned()).collect())
}

fn disk(content: Content, partitions: &[(&str, Content)]) -> Disk {
    let partition = |(label, content): &(&str, Content)| Partition {
        label: (*label).to_owned(),
        content: content.clone(),
    };
    Disk { content, partitions: partitions.iter().map(partition).collect() }
}

#[test]
fn the_volume_is_found_by_what_it_is_not_by_its_name() {
    let root = device("/dev/nvme1n1", Some("vol-00000000000000001"), Some("/dev/xvda"), &["/"]);
    let store = device("/dev/nvme2n1", None, None, &[]);
    let ours = device("/dev/nvme0n1", Some(VOLUME), Some("/dev/sdf"), &[]);
    let other = device("/dev/nvme3n1", Some("vol-00000000000000003"), Some("/dev/sdg"), &[]);
    let found = [root.clone(), store, ours.clone(), other.clone()];
    let (found, identity) = find_volume(&found, &wanted()).unwrap();
    assert_eq!((found, &*identity.volume), (&ours, VOLUME));
    // A volume with another attachment is not ours, even if it is the only one.
    let error = find_volume(&[root, other], &wanted()).unwrap_err().to_string();
    assert!(error.contains("vol-00000000000000003, /dev/sdg"), "{error}");
    let error = find_volume(&[], &wanted()).unwrap_err().to_string();
    assert_eq!(error, "no volume is attached at /dev/sdf: found no NVMe device");
}

#[test]
fn without_an_attachment_the_only_volume_is_chosen() {
    let root = device("/dev/nvme0n1", Some("vol-00000000000000001"), None, &["/boot", "/"]);
    let ours = device("/dev/nvme1n1", Some(VOLUME), None, &[]);
    let both = [root.clone(), ours.clone()];
    assert_eq!(find_volume(&both, &wanted()).unwrap().0, &ours);
    let more = [root.clone(), ours, device("/dev/nvme2n1", Some(VOLUME), None, &[])];
    assert!(matches!(find_volume(&more, &wanted()), Err(VolumeError::Ambiguous { .. })));
    assert!(matches!(find_volume(&[root], &wanted()), Err(VolumeError::Absent { .. })));
}

#[test]
fn a_label_on_another_device_is_refused() {
    let ours = device("/dev/nvme1n1", Some(VOLUME), Some("/dev/sdf"), &[]);
    let taken = |nodes: &[&str]| {
        let nodes: Vec<_> = nodes.iter().map(|&node| node.to_owned()).collect();
        refuse_other_label(&ours, &nodes).map_err(|e| e.to_string())
    };
    assert_eq!(taken(&[]), Ok(()));
    assert_eq!(taken(&["/dev/nvme1n1p1"]), Ok(()));
    for other in ["/dev/nvme2n1p1", "/dev/nvme1n10p1", "/dev/sdb1"] {
        let refused = taken(&["/dev/nvme1n1p1", other]).unwrap_err();
        assert!(refused.starts_with(other), "{refused}");
    }
}

#[test]
fn another_size_is_refused() {
    let ours = [device("/dev/nvme1n1", Some(VOLUME), Some("/dev/sdf"), &[])];
    let larger = Wanted { bytes: Some(11 * GIB), ..wanted() };
    let error = find_volume(&ours, &larger).unwrap_err().to_string();
    let text = "volume vol-0123456789abcdef0 has 10737418240 bytes, but 11811160064 are expected";
    assert!(error.starts_with(text), "{error}");
    assert!(find_volume(&ours, &Wanted { bytes: None, ..wanted() }).is_ok());
}

#[test]
fn only_a_blank_volume_is_prepared_and_an_interrupted_preparation_goes_on() {
    use Content::{Blank, Unknown};
    let both = Ok(vec![Step::Partition, Step::Format]);
    let free = device("/dev/nvme1n1", Some(VOLUME), Some("/dev/sdf"), &[]);
    let gpt = || signed(&["gpt", "gpt", "PMBR"]);
    for (on_it, fresh, kept) in [
        (disk(Blank, &[]), both.clone(), both),
        (disk(gpt(), &[("hipaa", Blank)]), Ok(vec![Step::Format]), Ok(vec![Step::Format])),
        (disk(gpt(), &[("hipaa", signed(&["xfs"]))]), Err("gpt, gpt, PMBR, xfs"), Ok(vec![])),
        (disk(gpt(), &[("hipaa", signed(&["ext4"]))]), Err("ext4"), Err("ext4")),
        (disk(gpt(), &[("hipaa", Unknown)]), Err("an unknown kind"), Err("an unknown kind")),
        (disk(gpt(), &[("data", Blank)]), Err("gpt"), Err("gpt")),
        (disk(gpt(), &[("hipaa", Blank), ("hipaa", Blank)]), Err("gpt"), Err("gpt")),
        (disk(gpt(), &[]), Err("gpt"), Err("gpt")),
        (disk(signed(&["dos"]), &[("hipaa", Blank)]), Err("dos"), Err("dos")),
        (disk(signed(&["xfs"]), &[]), Err("xfs"), Err("xfs")),
        (disk(signed(&["crypto_LUKS"]), &[]), Err("crypto_LUKS"), Err("crypto_LUKS")),
        (disk(Unknown, &[]), Err("an unknown kind"), Err("an unknown kind")),
    ] {
        for (keep, expected) in [(false, fresh), (true, kept)] {
            match (plan_prepare(&free, VOLUME, &on_it, keep), expected) {
                (Ok(steps), Ok(expected)) => assert_eq!(steps, expected, "{on_it:?}"),
                (Err(error), Err(what)) => {
                    let text = error.to_string();
                    assert!(text.contains(VOLUME) && text.contains(what), "{text}");
                }
                (planned, _) => panic!("{on_it:?}, keep {keep}: {planned:?}"),
            }
        }
    }
}

#[test]
fn a_wipe_accepts_our_own_partitions_and_half_wiped_volumes_only() {
    use Content::{Blank, Unknown};
    let free = device("/dev/nvme1n1", Some(VOLUME), Some("/dev/sdf"), &[]);
    let gpt = || signed(&["gpt", "PMBR"]);
    for (on_it, taken) in [
        (disk(gpt(), &[("hipaa", signed(&["xfs"]))]), true),
        (disk(gpt(), &[("hipaa", Unknown)]), true),
        (disk(gpt(), &[]), true),
        (disk(Blank, &[]), true),
        (disk(Unknown, &[]), true),
        (disk(gpt(), &[("home", signed(&["ext4"]))]), false),
        (disk(signed(&["ext4"]), &[]), false),
        (disk(signed(&["gpt", "zfs_member"]), &[("hipaa", Blank)]), false),
    ] {
        assert_eq!(plan_wipe(&free, VOLUME, &on_it, true).is_ok(), taken, "{on_it:?}");
    }
    let ways = [true, false].map(|offered| plan_wipe(&free, VOLUME, &disk(Blank, &[]), offered));
    assert_eq!(ways, [Ok(WipeWay::Discard), Ok(WipeWay::Overwrite)]);
}

#[test]
fn a_mounted_volume_is_refused_except_hipaa_by_its_wipe() {
    let mounted = |at: &[&str]| device("/dev/nvme1n1", Some(VOLUME), Some("/dev/sdf"), at);
    let refused = |at: &str| VolumeError::Mounted { volume: VOLUME.to_owned(), at: at.to_owned() };
    let blank = disk(Content::Blank, &[]);
    for keep in [false, true] {
        let plan = plan_prepare(&mounted(&["/hipaa"]), VOLUME, &blank, keep);
        assert_eq!(plan, Err(refused("/hipaa")));
    }
    let wipe = |at: &[&str]| plan_wipe(&mounted(at), VOLUME, &blank, true);
    assert_eq!(wipe(&["/hipaa"]), Ok(WipeWay::Discard));
    assert_eq!(wipe(&["/hipaa", "/boot/efi"]), Err(refused("/boot/efi")));
}
