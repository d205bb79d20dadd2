//! A partial: the mergeable result of some objects, as tables.
//!
//! Made from one object's statistics, merged by [`crate::partial::merge`], stored by
//! [`crate::partial::codec`] and read by [`crate::results::cohort`]. Everything in it is a count,
//! an exact sum or an extreme. It holds patient ids and values: it must stay inside, and is
//! sealed before it is stored. The tables of objects are in [`crate::tables::objects`], those of
//! patients in [`crate::tables::patients`].

use std::fmt;

use crate::spill::patients::Patients;
use crate::tables::objects::ObjectTables;

/// The mergeable result of any number of objects.
#[derive(Clone)]
pub struct VitalsPartial {
    pub(crate) objects: ObjectTables,
    /// The patients; if there are many, the same one may be in several parts.
    pub(crate) patients: Vec<Patients>,
}

/// Without content, which is health data.
impl fmt::Debug for VitalsPartial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VitalsPartial(..)")
    }
}
