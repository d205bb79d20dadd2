//! Ports that fail on purpose.
//!
//! Used by tests only (feature `faults`); must never be in a release build.
//! [`Faults::wrap`] wraps any set of ports and fails calls, delays them, repeats
//! them or loses their answers, as a seed determines. The doubles make a
//! simulated run repeatable: a clock on tokio's paused time, seeded randomness,
//! objects in memory.

mod doubles;
mod wrap;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub use self::doubles::{MemoryStore, SeededEntropy, SimulatedClock};
use crate::error::{Class, PortError, PortResult};

/// How often calls fail, in thousandths of all calls.
#[derive(Debug, Clone, Copy)]
pub struct FaultRates {
    /// The call fails and nothing has happened.
    pub fail: u32,
    /// The call is carried out and its answer is lost.
    pub lose_answer: u32,
    /// The call is carried out twice; the second answer is returned.
    pub repeat: u32,
    /// The call is delayed, up to `delay_max`.
    pub delay: u32,
    /// The longest delay.
    pub delay_max: Duration,
}

impl FaultRates {
    /// No faults.
    pub const NONE: Self =
        Self { fail: 0, lose_answer: 0, repeat: 0, delay: 0, delay_max: Duration::ZERO };
}

/// A seeded source of faults, shared by the ports it wraps.
#[derive(Clone)]
pub struct Faults {
    rates: FaultRates,
    random: Arc<Mutex<ChaCha8Rng>>,
}

enum Fault {
    None,
    Fail,
    LoseAnswer,
    Repeat,
    Delay(Duration),
}

impl Faults {
    /// Creates faults at these rates, in the order that the seed determines.
    pub fn new(rates: FaultRates, seed: u64) -> Self {
        Self { rates, random: Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))) }
    }

    fn draw(&self) -> Fault {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = random.next_u32() % 1000;
        // One draw for all kinds: each takes its share of the thousandths, in order.
        let mut falls_to = |share: u32| {
            let hit = at < share;
            at = at.wrapping_sub(share);
            hit
        };
        let rates = self.rates;
        if falls_to(rates.fail) {
            Fault::Fail
        } else if falls_to(rates.lose_answer) {
            Fault::LoseAnswer
        } else if falls_to(rates.repeat) {
            Fault::Repeat
        } else if falls_to(rates.delay) {
            Fault::Delay(
                rates.delay_max.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX)),
            )
        } else {
            Fault::None
        }
    }

    async fn call<T, F>(&self, operation: &'static str, run: impl Fn() -> F) -> PortResult<T>
    where
        F: Future<Output = PortResult<T>>,
    {
        let fault = |cause| Err(PortError::new(Class::Transient, operation, "(fault)", cause));
        match self.draw() {
            Fault::None => run().await,
            Fault::Fail => fault("refused for now"),
            Fault::LoseAnswer => {
                run().await?;
                fault("no answer")
            }
            Fault::Repeat => {
                run().await?;
                run().await
            }
            Fault::Delay(by) => {
                // Half before and half after, so that other calls can come first or last.
                tokio::time::sleep(by / 2).await;
                let answer = run().await;
                tokio::time::sleep(by / 2).await;
                answer
            }
        }
    }
}
