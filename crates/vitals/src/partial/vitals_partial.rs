//! A partial: what some objects amount to, as small tables.
//!
//! Made from one object's statistics, merged by [`crate::partial::merge`], stored by
//! [`crate::partial::codec`] and read by [`crate::results::cohort`]. Everything in it is a
//! count, an exact sum or an extreme. It holds patient ids and values: it
//! stays inside, and is sealed before it is stored. What it keeps of objects
//! is in [`crate::tables::objects`], of patients in [`crate::tables::patients`].

use std::fmt;

use crate::spill::chunk::Chunk;
use crate::tables::objects::ObjectTables;

/// The mergeable result of any number of objects.
#[derive(Clone)]
pub struct VitalsPartial {
    pub(crate) objects: ObjectTables,
    /// The patients; of many, the same one may be in several.
    pub(crate) patients: Vec<Chunk>,
}

/// It knows patients.
impl fmt::Debug for VitalsPartial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VitalsPartial(..)")
    }
}

impl VitalsPartial {
    /// The partial of no object.
    pub fn empty() -> Self {
        Self { objects: ObjectTables::empty(), patients: Vec::new() }
    }

    /// Rows of the objects in it.
    pub fn rows(&self) -> u64 {
        let rows = self.objects.inputs.column("rows").ok().and_then(|rows| rows.u64().ok());
        rows.map_or(0, |rows| rows.iter().flatten().sum())
    }
}
