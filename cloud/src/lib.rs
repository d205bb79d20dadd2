//! Ports and adapters.
