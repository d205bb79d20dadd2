//! An analysis with partials of a type of its own, and its adapter to the
//! object-safe interface.

use std::sync::Arc;

use crate::analysis::{Analysis, Fold, FoldLimits, ObjectAnalysis, ObjectPart};
use crate::defect::Defect;
use crate::deliverable::{Deliverable, RunFacts};
use crate::error::AnalysisError;

/// An analysis whose partials merge in any order and grouping to the same
/// result. The methods are those of [`Analysis`] and [`Fold`], typed.
pub trait TypedAnalysis: Clone + Send + Sync + 'static {
    /// Reads one object.
    type Object: TypedObject<Partial = Self::Partial> + 'static;
    /// The mergeable result of any number of objects.
    type Partial: Send + 'static;

    /// Reads a side input. An analysis without any refuses all.
    ///
    /// # Errors
    /// As [`Analysis::add_side_input`].
    fn add_side_input(&mut self, _content: &[u8]) -> Result<(), Defect> {
        Err(Defect::permanent("no_side_inputs", "the analysis reads no side inputs: name none"))
    }

    /// Starts reading an object.
    fn begin(&self, object: &str) -> Self::Object;

    /// Merges partials over disjoint objects; none at all give the partial of
    /// no object.
    ///
    /// # Errors
    /// [`AnalysisError::ObjectTwice`] if two parts hold the same object.
    fn merge(&self, parts: Vec<Self::Partial>) -> Result<Self::Partial, AnalysisError>;

    /// Rows read from the objects of a partial.
    fn rows(&self, partial: &Self::Partial) -> u64;

    /// The partial as bytes.
    ///
    /// # Errors
    /// As [`Fold::encode`].
    fn encode(&self, partial: &Self::Partial) -> Result<Vec<u8>, AnalysisError>;

    /// The inverse of [`TypedAnalysis::encode`].
    ///
    /// # Errors
    /// As [`Fold::add_encoded`].
    fn decode(&self, bytes: &[u8]) -> Result<Self::Partial, AnalysisError>;

    /// The results of the run.
    ///
    /// # Errors
    /// As [`Fold::deliver`].
    fn deliver(
        &self,
        facts: &RunFacts,
        merged: Self::Partial,
    ) -> Result<Vec<Deliverable>, AnalysisError>;
}

/// Reads one object; the methods are those of [`ObjectAnalysis`], typed.
pub trait TypedObject: Send {
    /// The partial of the object.
    type Partial;
    /// The defects that this analysis finds.
    type Defect: Into<Defect>;

    /// Reads the next plaintext bytes.
    ///
    /// # Errors
    /// As [`ObjectAnalysis::push`].
    fn push(&mut self, plaintext: &[u8]) -> Result<(), Self::Defect>;

    /// Ends the object.
    ///
    /// # Errors
    /// As [`ObjectAnalysis::finish`].
    fn finish(self) -> Result<Self::Partial, Self::Defect>;
}

/// An analysis behind the object-safe interface.
pub fn erase<A: TypedAnalysis>(analysis: A) -> Box<dyn Analysis> {
    Box::new(Typed(Arc::new(analysis)))
}

/// The adapter.
struct Typed<A>(Arc<A>);

impl<A: TypedAnalysis> Analysis for Typed<A> {
    fn add_side_input(&mut self, content: &[u8]) -> Result<(), Defect> {
        Arc::make_mut(&mut self.0).add_side_input(content)
    }

    fn begin(&self, object: &str) -> Box<dyn ObjectAnalysis> {
        Box::new(Reading { object: self.0.begin(object), analysis: self.0.clone() })
    }

    fn fold(&self, limits: FoldLimits) -> Box<dyn Fold> {
        Box::new(Folding { analysis: self.0.clone(), limits, parts: Vec::new(), bytes: 0 })
    }
}

struct Reading<A: TypedAnalysis> {
    object: A::Object,
    analysis: Arc<A>,
}

impl<A: TypedAnalysis> ObjectAnalysis for Reading<A> {
    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        self.object.push(plaintext).map_err(Into::into)
    }

    fn finish(self: Box<Self>) -> Result<ObjectPart, Defect> {
        let partial = self.object.finish().map_err(Into::into)?;
        Ok(ObjectPart { rows: self.analysis.rows(&partial), partial: Box::new(partial) })
    }
}

struct Folding<A: TypedAnalysis> {
    analysis: Arc<A>,
    limits: FoldLimits,
    parts: Vec<A::Partial>,
    /// Of the parts that were read.
    bytes: u64,
}

impl<A: TypedAnalysis> Folding<A> {
    fn push(&mut self, part: A::Partial) -> Result<(), AnalysisError> {
        self.parts.push(part);
        if self.parts.len() >= self.limits.parts || self.bytes >= self.limits.bytes {
            let parts = std::mem::take(&mut self.parts);
            self.parts.push(self.analysis.merge(parts)?);
            self.bytes = 0;
        }
        Ok(())
    }
}

impl<A: TypedAnalysis> Fold for Folding<A> {
    fn add(&mut self, part: ObjectPart) -> Result<(), AnalysisError> {
        let foreign = |_| AnalysisError::Internal {
            step: "merge partials",
            kind: "a partial of another analysis",
        };
        let part = part.partial.downcast::<A::Partial>().map_err(foreign)?;
        self.push(*part)
    }

    fn add_encoded(&mut self, partial: &[u8]) -> Result<(), AnalysisError> {
        let part = self.analysis.decode(partial)?;
        self.bytes += partial.len() as u64;
        self.push(part)
    }

    fn encode(self: Box<Self>) -> Result<Vec<u8>, AnalysisError> {
        let merged = self.analysis.merge(self.parts)?;
        self.analysis.encode(&merged)
    }

    fn deliver(self: Box<Self>, facts: &RunFacts) -> Result<Vec<Deliverable>, AnalysisError> {
        let merged = self.analysis.merge(self.parts)?;
        self.analysis.deliver(facts, merged)
    }
}
