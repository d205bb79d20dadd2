//! The manifest (frozen list of object references) and its packing into units.
//!
//! Used by `sce run`. Both are pure functions of the listing, so a repeated
//! submission finds the run that is already there.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::RunId;
use crate::object::ObjectRef;
use crate::study::StudySettings;

/// Most objects that one unit carries.
pub const UNIT_OBJECTS_MAX: usize = 100;
/// Most objects of one run; beyond it the rows of a run outgrow a listing.
pub const RUN_OBJECTS_MAX: usize = 10_000_000;
/// Version of the packing rule below; it is part of the run's identity.
pub const PACKING_VERSION: u32 = 1;
/// A run aims at this many units at least, so that a fleet has work to share.
const UNITS_AIM: u64 = 64;
/// A unit is closed beyond this many sealed bytes (256 MiB): what is lost
/// with a worker stays small.
const UNIT_BYTES_MAX: u64 = 256 << 20;

/// Frozen list of object references, sorted by key, each key once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest(Vec<ObjectRef>);

/// Why a listing is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The same key twice, with its position (from 1) after sorting.
    #[error("object {0} is listed twice: list each object once")]
    Duplicate(String),
    /// More objects than one run takes.
    #[error("{0} objects are more than one run takes ({RUN_OBJECTS_MAX}): split them by --prefix")]
    TooMany(usize),
}

impl Manifest {
    /// Freezes a listing.
    ///
    /// # Errors
    /// A key that occurs twice; too many objects.
    pub fn new(mut objects: Vec<ObjectRef>) -> Result<Self, ManifestError> {
        if objects.len() > RUN_OBJECTS_MAX {
            return Err(ManifestError::TooMany(objects.len()));
        }
        objects.sort();
        match objects.windows(2).find(|pair| pair[0].key == pair[1].key) {
            Some(pair) => Err(ManifestError::Duplicate(pair[0].key.to_string())),
            None => Ok(Self(objects)),
        }
    }

    /// The objects, sorted by key.
    pub fn objects(&self) -> &[ObjectRef] {
        &self.0
    }

    /// Packs the objects, in order, into units of 1 to 100 objects: a unit is
    /// closed when one more object would carry it beyond a 64th of the run's
    /// bytes (at most 256 MiB).
    pub fn pack(&self) -> Vec<Vec<ObjectRef>> {
        let total: u64 = self.0.iter().map(|object| object.size).sum();
        let aim = (total / UNITS_AIM).clamp(1, UNIT_BYTES_MAX);
        let mut units: Vec<Vec<ObjectRef>> = Vec::new();
        let mut bytes = 0;
        for object in &self.0 {
            match units.last_mut() {
                Some(unit) if unit.len() < UNIT_OBJECTS_MAX && bytes + object.size <= aim => {
                    unit.push(object.clone());
                    bytes += object.size;
                }
                _ => {
                    units.push(vec![object.clone()]);
                    bytes = object.size;
                }
            }
        }
        units
    }
}

/// SHA-256 over everything that makes a run what it is, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDigest(String);

impl PlanDigest {
    /// The digest of a manifest, the packing rule, the settings and the nonce
    /// of `--again` (`None`: the same submission finds the same run).
    pub fn of(manifest: &Manifest, study: &StudySettings, again: Option<&str>) -> Self {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        field(b"sce plan 2");
        field(&PACKING_VERSION.to_be_bytes());
        // Maps are sorted and every number is finite: one text per settings.
        field(&serde_json::to_vec(study).expect("text and numbers"));
        field(again.unwrap_or_default().as_bytes());
        for object in manifest.objects() {
            field(object.key.as_str().as_bytes());
            field(object.version.as_bytes());
            field(object.etag.as_bytes());
            field(&object.size.to_be_bytes());
        }
        Self(hex::encode(hasher.finalize()))
    }

    /// The run's id: the first eight bytes of the digest.
    pub fn run_id(&self) -> RunId {
        let mut bytes = [0; 8];
        for (i, byte) in bytes.iter_mut().enumerate() {
            let pair = self.0.get(2 * i..2 * i + 2).unwrap_or("00");
            *byte = u8::from_str_radix(pair, 16).unwrap_or(0);
        }
        RunId::new(bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::object::ObjectKey;

    fn object(index: usize, size: u64) -> ObjectRef {
        ObjectRef {
            key: ObjectKey::try_from(format!("part-{index:06}.csv")).unwrap(),
            version: "null".into(),
            etag: "e".into(),
            size,
        }
    }

    #[test]
    fn a_small_study_gives_every_worker_something() {
        let manifest = Manifest::new((0..20).map(|i| object(i, 50_000)).collect()).unwrap();
        assert_eq!(manifest.pack().len(), 20);
    }

    #[test]
    fn ten_thousand_small_objects_are_packed_by_the_hundred() {
        let manifest = Manifest::new((0..10_000).map(|i| object(i, 50_000)).collect()).unwrap();
        assert_eq!(manifest.pack().len(), 100);
    }

    #[test]
    fn a_listing_with_a_name_twice_is_refused() {
        let listing = vec![object(1, 5), object(2, 5), object(1, 7)];
        assert!(matches!(Manifest::new(listing), Err(ManifestError::Duplicate(_))));
    }

    #[test]
    fn the_digest_tells_every_part_of_a_plan_apart() {
        let base = Manifest::new(vec![object(1, 5)]).unwrap();
        let study = StudySettings::default();
        let mut ranges = study.clone();
        ranges.settings.insert("ranges".to_owned(), "mimic".into());
        assert_ne!(PlanDigest::of(&base, &study, None), PlanDigest::of(&base, &ranges, None));
        let digest = |m: &Manifest, again: Option<&str>| PlanDigest::of(m, &study, again).run_id();
        assert_eq!(digest(&base, None), digest(&base.clone(), None));
        assert_ne!(digest(&base, None), digest(&base, Some("1")));
        let mut other = object(1, 5);
        other.etag = "f".into();
        assert_ne!(digest(&base, None), digest(&Manifest::new(vec![other]).unwrap(), None));
        assert_ne!(digest(&base, None), digest(&Manifest::new(vec![object(1, 6)]).unwrap(), None));
    }

    proptest! {
        #[test]
        fn packing_keeps_every_object_once_and_in_order(sizes in prop::collection::vec(0u64..1 << 30, 0..400)) {
            let objects: Vec<_> = sizes.iter().enumerate().map(|(i, s)| object(i, *s)).collect();
            let manifest = Manifest::new(objects.clone()).unwrap();
            let units = manifest.pack();
            prop_assert!(units.iter().all(|unit| (1..=UNIT_OBJECTS_MAX).contains(&unit.len())));
            prop_assert_eq!(units.concat(), objects);
        }
    }
}
