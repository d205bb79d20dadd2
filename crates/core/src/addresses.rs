//! Where a worker may connect to: V, and the ranges of the services that its
//! gateway endpoints lead to, which keep public addresses.
//!
//! Planned at a launch from what EC2 lists, checked again by whoever reads the
//! user data. It must never grow to mean everywhere.

use core::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// V, the environment's network, as the template has it.
pub const NETWORK: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16);

/// Most ranges of a worker: some twenty of S3, a few of DynamoDB, and V.
const RANGES_MAX: usize = 256;
/// The widest range; those of the two services are /11 and narrower.
const PREFIX_MIN: u8 = 8;

/// Why a worker cannot be told where to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A service without a range: workers could not reach it.
    #[error("no address range of {0} is told, so workers could not reach it")]
    Unknown(String),
    /// So many, or so wide, that they are no limit.
    #[error("addresses must be at most {RANGES_MAX} ranges, none wider than /{PREFIX_MIN}")]
    Unbounded,
}

/// The addresses of a worker: V, then each service's ranges, of which there
/// must be some.
///
/// # Errors
/// A service has none, or together they are no limit.
pub fn plan_addresses(services: &[(String, Vec<Ipv4Net>)]) -> Result<Vec<Ipv4Net>, AddressError> {
    if let Some((name, _)) = services.iter().find(|(_, ranges)| ranges.is_empty()) {
        return Err(AddressError::Unknown(name.clone()));
    }
    let ranges = services.iter().flat_map(|(_, ranges)| ranges).copied();
    let addresses: Vec<Ipv4Net> = std::iter::once(NETWORK).chain(ranges).collect();
    check_addresses(&addresses).map(|()| addresses)
}

/// Whether ranges are a limit at all.
///
/// # Errors
/// They are not.
pub fn check_addresses(addresses: &[Ipv4Net]) -> Result<(), AddressError> {
    let narrow = addresses.iter().all(|range| range.prefix_len() >= PREFIX_MIN);
    if narrow && addresses.len() <= RANGES_MAX { Ok(()) } else { Err(AddressError::Unbounded) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn services(s3: &[&str], dynamodb: &[&str]) -> Vec<(String, Vec<Ipv4Net>)> {
        let ranges = |of: &[&str]| of.iter().map(|range| range.parse().unwrap()).collect();
        vec![("s3".to_owned(), ranges(s3)), ("dynamodb".to_owned(), ranges(dynamodb))]
    }

    #[test]
    fn a_worker_reaches_v_and_both_services_and_no_more() {
        let both = services(&["52.216.0.0/15", "3.5.0.0/19"], &["52.94.0.0/22"]);
        let planned: Vec<_> =
            plan_addresses(&both).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(planned, ["10.0.0.0/16", "52.216.0.0/15", "3.5.0.0/19", "52.94.0.0/22"]);
        let unknown = Err(AddressError::Unknown("dynamodb".to_owned()));
        assert_eq!(plan_addresses(&services(&["52.216.0.0/15"], &[])), unknown);
        for wide in ["0.0.0.0/0", "52.0.0.0/7"] {
            let planned = plan_addresses(&services(&[wide], &["52.94.0.0/22"]));
            assert_eq!(planned, Err(AddressError::Unbounded));
        }
        let many = vec![("s3".to_owned(), vec![NETWORK; RANGES_MAX])];
        assert_eq!(plan_addresses(&many), Err(AddressError::Unbounded));
    }
}
