//! The addresses to which a worker may connect: the VPC (V), and the address
//! ranges of the services behind its gateway endpoints, which keep public
//! addresses.
//!
//! Used at a launch, from the prefix lists of EC2, and again by the machine that
//! reads the user data. The list must never grow to include every address.

use core::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The network of the VPC (V), as in the template.
pub const NETWORK: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16);

/// The most ranges of a worker: about twenty of S3, a few of DynamoDB, and the VPC (V).
const RANGES_MAX: usize = 256;
/// The shortest prefix; the ranges of the two services are /11 or narrower.
const PREFIX_MIN: u8 = 8;

/// Why the addresses of a worker cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A service without an address range: workers could not connect to it.
    #[error("no address range is configured for {0}; workers could not connect to it")]
    Unknown(String),
    /// Too many ranges, or too wide ones, to be a restriction.
    #[error("addresses must be at most {RANGES_MAX} ranges, none wider than /{PREFIX_MIN}")]
    Unbounded,
}

/// Returns the addresses of a worker: the VPC (V), then the ranges of each service, which
/// must have at least one.
///
/// # Errors
/// Returns an error if a service has no range or if the ranges are no restriction.
pub fn plan_addresses(services: &[(String, Vec<Ipv4Net>)]) -> Result<Vec<Ipv4Net>, AddressError> {
    if let Some((name, _)) = services.iter().find(|(_, ranges)| ranges.is_empty()) {
        return Err(AddressError::Unknown(name.clone()));
    }
    let ranges = services.iter().flat_map(|(_, ranges)| ranges).copied();
    let addresses: Vec<Ipv4Net> = std::iter::once(NETWORK).chain(ranges).collect();
    check_addresses(&addresses).map(|()| addresses)
}

/// Checks that the ranges are a restriction at all.
///
/// # Errors
/// Returns an error if they are not.
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
