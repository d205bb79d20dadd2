//! The manifest (frozen list of object references) and how it is packed into units.
//!
//! Used by `sce run`. Both must stay pure functions of the listing, so that a
//! repeated submission finds the existing run.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::RunId;
use crate::object::ObjectRef;
use crate::study::StudySettings;

/// The most objects in one unit.
pub const UNIT_OBJECTS_MAX: usize = 100;
/// The most objects in one run. The rows of a larger run would be too many to list.
pub const RUN_OBJECTS_MAX: usize = 10_000_000;
/// Version of the packing rule of [`Manifest::pack`]; part of the run's identity.
pub const PACKING_VERSION: u32 = 1;
/// The number of units that packing aims for, so that a fleet has work to share.
const UNITS_AIM: u64 = 64;
/// The most sealed bytes in a unit of several objects (256 MiB): limits the work that
/// is lost with a worker.
const UNIT_BYTES_MAX: u64 = 256 << 20;

/// Frozen list of object references, sorted by key, each key once.
///
/// ```
/// use sce_core::manifest::Manifest;
/// use sce_core::object::{ObjectKey, ObjectRef};
///
/// let object = |name: &str| ObjectRef {
///     key: ObjectKey::try_from(name.to_owned()).expect("a valid key"),
///     version: "null".to_owned(),
///     etag: "e".to_owned(),
///     size: 50_000,
/// };
/// let manifest = Manifest::new(vec![object("part-2.csv"), object("part-1.csv")])?;
/// assert_eq!(manifest.objects()[0].key.as_str(), "part-1.csv");
/// assert_eq!(manifest.pack().len(), 2);
/// # Ok::<(), sce_core::manifest::ManifestError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest(Vec<ObjectRef>);

/// Why a listing cannot become a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The same key occurs twice.
    #[error("object {0} is listed twice: list each object once")]
    Duplicate(String),
    /// More objects than one run may have.
    #[error("{0} objects exceed the limit of one run ({RUN_OBJECTS_MAX}): split them by --prefix")]
    TooMany(usize),
}

impl Manifest {
    /// Freezes a listing.
    ///
    /// # Errors
    /// Returns an error if a key occurs twice or if there are too many objects.
    pub fn new(mut objects: Vec<ObjectRef>) -> Result<Self, ManifestError> {
        if objects.len() > RUN_OBJECTS_MAX {
            return Err(ManifestError::TooMany(objects.len()));
        }
        // Sorted before packing and hashing: the order of the listing must not change the run.
        objects.sort();
        match objects.windows(2).find(|pair| pair[0].key == pair[1].key) {
            Some(pair) => Err(ManifestError::Duplicate(pair[0].key.to_string())),
            None => Ok(Self(objects)),
        }
    }

    /// Returns the objects, sorted by key.
    pub fn objects(&self) -> &[ObjectRef] {
        &self.0
    }

    /// Packs the objects, in order, into units of 1 to 100 objects. A unit is closed
    /// if one more object would make it larger than 1/64 of the run's bytes (at most
    /// 256 MiB).
    pub fn pack(&self) -> Vec<Vec<ObjectRef>> {
        let total: u64 = self.0.iter().map(|object| object.size).sum();
        // At least 1, so that empty objects are packed, too.
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

/// SHA-256 over everything that identifies a run, in hex.
///
/// ```
/// use sce_core::manifest::{Manifest, PlanDigest};
/// use sce_core::study::StudySettings;
///
/// let (manifest, study) = (Manifest::new(Vec::new())?, StudySettings::default());
/// let first = PlanDigest::of(&manifest, &study, None);
/// assert_eq!(first, PlanDigest::of(&manifest, &study, None));
/// assert_ne!(first, PlanDigest::of(&manifest, &study, Some("1")));
/// # Ok::<(), sce_core::manifest::ManifestError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDigest(String);

impl PlanDigest {
    /// Computes the digest of a manifest, the packing rule, the settings and the nonce of
    /// `--again` (`None`: a repeated submission finds the same run).
    pub fn of(manifest: &Manifest, study: &StudySettings, again: Option<&str>) -> Self {
        let mut hasher = Sha256::new();
        // Each field with its length, so that no two plans give the same bytes.
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        field(b"sce plan 2");
        field(&PACKING_VERSION.to_be_bytes());
        // Maps are sorted and numbers are finite, so equal settings have equal JSON.
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

    /// Returns the run's id: the first eight bytes of the digest.
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
    fn every_part_of_a_plan_changes_the_digest() {
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
