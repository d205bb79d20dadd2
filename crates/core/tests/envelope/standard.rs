//! Objects sealed by the standard clients open here. The files in `sealed/` were
//! made by `aws-encryption-sdk-cli` 4.3.0 and `aws-encryption-sdk[MPL]` 4.0.7
//! with the key of `help::homer`, frames of 128 bytes. tests/interop runs the
//! clients themselves, in both directions.

use crate::help::{PLACE, open};

const LINE: &[u8] = b"no patient is in here; 23 byte";

#[test]
fn objects_of_the_standard_clients_open() {
    for file in [include_str!("sealed/python-cli.hex"), include_str!("sealed/python-mpl.hex")] {
        let sealed = hex::decode(file.replace('\n', "")).unwrap();
        for chunk in [1, 100, 1000] {
            let (released, opened) = open(&sealed, chunk, &PLACE);
            assert_eq!(opened.unwrap().frames, 3);
            assert_eq!(released, LINE.repeat(10));
        }
    }
}
