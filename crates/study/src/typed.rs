//! An analysis with partials of its own type, and its adapter to the object-safe interface.

use std::sync::Arc;

use crate::analysis::{Analysis, Fold, FoldLimits, ObjectAnalysis, ObjectPart};
use crate::defect::Defect;
use crate::deliverable::{Deliverable, RunFacts};
use crate::error::AnalysisError;

/// An analysis whose partials merge in any order and grouping to the same result. The methods are
/// those of [`Analysis`] and [`Fold`], typed.
pub trait TypedAnalysis: Clone + Send + Sync + 'static {
    /// Reads one object.
    type Object: TypedObject<Partial = Self::Partial> + 'static;
    /// The mergeable result of any number of objects.
    type Partial: Send + 'static;

    /// Reads a side input. An analysis that reads none refuses every one.
    ///
    /// # Errors
    /// As [`Analysis::add_side_input`].
    fn add_side_input(&mut self, _content: &[u8]) -> Result<(), Defect> {
        Err(Defect::permanent(
            "no_side_inputs",
            "the analysis reads no side inputs: leave them out",
        ))
    }

    /// Starts reading an object.
    fn begin(&self, object: &str) -> Self::Object;

    /// Merges partials over disjoint objects; without any, returns the partial of no object.
    ///
    /// # Errors
    /// [`AnalysisError::ObjectTwice`] if two parts hold the same object.
    fn merge(&self, parts: Vec<Self::Partial>) -> Result<Self::Partial, AnalysisError>;

    /// Encodes a partial as bytes.
    ///
    /// # Errors
    /// As [`Fold::encode`].
    fn encode(&self, partial: &Self::Partial) -> Result<Vec<u8>, AnalysisError>;

    /// Decodes the bytes of [`TypedAnalysis::encode`].
    ///
    /// # Errors
    /// As [`Fold::add_encoded`].
    fn decode(&self, bytes: &[u8]) -> Result<Self::Partial, AnalysisError>;

    /// Returns the results of the run.
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

    /// Ends the object; returns its partial and the number of rows read.
    ///
    /// # Errors
    /// As [`ObjectAnalysis::finish`].
    fn finish(self) -> Result<(Self::Partial, u64), Self::Defect>;
}

/// Adapts an analysis to the object-safe interface.
pub fn erase<A: TypedAnalysis>(analysis: A) -> Box<dyn Analysis> {
    Box::new(Typed(Arc::new(analysis)))
}

/// The adapter.
struct Typed<A>(Arc<A>);

impl<A: TypedAnalysis> Analysis for Typed<A> {
    fn add_side_input(&mut self, content: &[u8]) -> Result<(), Defect> {
        // No clone: side inputs are read before any fold shares the analysis.
        Arc::make_mut(&mut self.0).add_side_input(content)
    }

    fn begin(&self, object: &str) -> Box<dyn ObjectAnalysis> {
        Box::new(Reading(self.0.begin(object)))
    }

    fn fold(&self, limits: FoldLimits) -> Box<dyn Fold> {
        Box::new(Folding { analysis: self.0.clone(), limits, parts: Vec::new(), bytes: 0 })
    }
}

struct Reading<O>(O);

impl<O: TypedObject> ObjectAnalysis for Reading<O>
where
    O::Partial: Send + 'static,
{
    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        self.0.push(plaintext).map_err(Into::into)
    }

    fn finish(self: Box<Self>) -> Result<ObjectPart, Defect> {
        let (partial, rows) = self.0.finish().map_err(Into::into)?;
        Ok(ObjectPart { rows, partial: Box::new(partial) })
    }
}

struct Folding<A: TypedAnalysis> {
    analysis: Arc<A>,
    limits: FoldLimits,
    parts: Vec<A::Partial>,
    /// The size of the encoded parts that were added since the last merge.
    bytes: u64,
}

impl<A: TypedAnalysis> Folding<A> {
    fn push(&mut self, part: A::Partial) -> Result<(), AnalysisError> {
        self.parts.push(part);
        // A few at a time: one merge of many costs less than a merge per part, but more memory.
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
        // Only a mistake in the caller can mix the parts of two analyses.
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Objects by name, in the order they were merged; counts its merges.
    #[derive(Clone, Default)]
    struct Names(Arc<AtomicUsize>);

    struct OneName(String);

    impl TypedObject for OneName {
        type Partial = Vec<String>;
        type Defect = Defect;

        fn push(&mut self, _: &[u8]) -> Result<(), Defect> {
            Err(Defect::transient("no_space", "no space"))
        }

        fn finish(self) -> Result<(Vec<String>, u64), Defect> {
            Ok((vec![self.0], 3))
        }
    }

    impl TypedAnalysis for Names {
        type Object = OneName;
        type Partial = Vec<String>;

        fn begin(&self, object: &str) -> OneName {
            OneName(object.to_owned())
        }

        fn merge(&self, parts: Vec<Vec<String>>) -> Result<Vec<String>, AnalysisError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(parts.concat())
        }

        fn encode(&self, partial: &Vec<String>) -> Result<Vec<u8>, AnalysisError> {
            Ok(partial.join(" ").into_bytes())
        }

        fn decode(&self, bytes: &[u8]) -> Result<Vec<String>, AnalysisError> {
            let text = std::str::from_utf8(bytes).map_err(|_| AnalysisError::damaged("no text"))?;
            Ok(text.split(' ').map(str::to_owned).collect())
        }

        fn deliver(
            &self,
            _: &RunFacts,
            merged: Vec<String>,
        ) -> Result<Vec<Deliverable>, AnalysisError> {
            Ok(vec![Deliverable::stays("names.txt", merged.concat().into_bytes())])
        }
    }

    #[test]
    fn a_fold_merges_at_its_limits_and_loses_nothing() {
        for (limits, merges) in [
            (FoldLimits { parts: 100, bytes: u64::MAX }, 1),
            (FoldLimits { parts: 3, bytes: u64::MAX }, 3),
            (FoldLimits { parts: 100, bytes: 3 }, 3),
        ] {
            let names = Names::default();
            let count = names.0.clone();
            let analysis = erase(names);
            let mut fold = analysis.fold(limits);
            for object in ["a", "b"] {
                let part = analysis.begin(object).finish().unwrap();
                assert_eq!(part.rows, 3);
                fold.add(part).unwrap();
            }
            for partial in ["c d", "e f", "g"] {
                fold.add_encoded(partial.as_bytes()).unwrap();
            }
            assert_eq!(fold.encode().unwrap(), b"a b c d e f g");
            assert_eq!(count.load(Ordering::Relaxed), merges, "{limits:?}");
        }
    }

    #[test]
    fn a_foreign_partial_a_defect_and_a_side_input_are_errors() {
        let mut analysis = erase(Names::default());
        let foreign = ObjectPart { rows: 0, partial: Box::new(7_u8) };
        let added = analysis.fold(FoldLimits::default()).add(foreign);
        assert!(matches!(added, Err(AnalysisError::Internal { .. })));
        let defect = analysis.begin("a").push(b"x").unwrap_err();
        assert_eq!((defect.code(), defect.is_permanent()), ("no_space", false));
        let refused = analysis.add_side_input(b"x").unwrap_err();
        assert_eq!((refused.code(), refused.is_permanent()), ("no_side_inputs", true));
    }
}
