//! The administrator's decisions about an environment, validated before
//! anything is built: SSH source range, notification address, optional parts.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use sce_core::cost::is_refused_family;
use sce_core::ids::Pit;

/// The widest range of addresses that may reach the bastion: a whole class A
/// network, which some hospitals have.
const SSH_PREFIX_MIN: u8 = 8;
/// Longest e-mail address (RFC 5321).
const EMAIL_MAX_BYTES: usize = 254;

/// Why an answer is invalid; the text says what is valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnswerError(&'static str);

/// Addresses that may reach the bastion: never the whole internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SshSource(Ipv4Net);

impl FromStr for SshSource {
    type Err = AnswerError;
    fn from_str(text: &str) -> Result<Self, AnswerError> {
        let net: Ipv4Net = text
            .parse()
            .map_err(|_| AnswerError("not a range of IPv4 addresses, such as 192.0.2.0/24"))?;
        if net.prefix_len() < SSH_PREFIX_MIN || net.addr() == Ipv4Addr::UNSPECIFIED {
            return Err(AnswerError("too wide: the bastion is never open to the whole internet"));
        }
        if net.addr() != net.network() {
            return Err(AnswerError("not the first address of the range, such as 192.0.2.0/24"));
        }
        Ok(Self(net))
    }
}

impl fmt::Display for SshSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Recipient of notices, alarms and cost warnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl FromStr for Email {
    type Err = AnswerError;
    fn from_str(text: &str) -> Result<Self, AnswerError> {
        let plain = text.len() <= EMAIL_MAX_BYTES && text.bytes().all(|b| b.is_ascii_graphic());
        let whole = text.split_once('@').is_some_and(|(name, domain)| {
            let labels = domain.split('.').all(|label| !label.is_empty());
            !name.is_empty() && !domain.contains('@') && domain.contains('.') && labels
        });
        if plain && whole {
            return Ok(Self(text.to_owned()));
        }
        Err(AnswerError("not an e-mail address, such as it@example.org"))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An instance type that supports dedicated tenancy, such as `m5.large`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType(String);

impl FromStr for InstanceType {
    type Err = AnswerError;
    fn from_str(text: &str) -> Result<Self, AnswerError> {
        if is_refused_family(text) {
            return Err(AnswerError("the t family does not support dedicated tenancy"));
        }
        let part = |part: &str| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !part.is_empty() && part.bytes().all(plain)
        };
        match text.split_once('.') {
            Some((family, size))
                if part(family)
                    && part(size)
                    && !family.starts_with(|c: char| !c.is_ascii_lowercase()) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(AnswerError("not an instance type, such as m5.large")),
        }
    }
}

impl fmt::Display for InstanceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All decisions. Everything else stays a parameter of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The project.
    pub pit: Pit,
    /// Addresses that may reach the bastion.
    pub ssh_from: SshSource,
    /// Recipient of notices, alarms and cost warnings.
    pub email: Email,
    /// Instance type of workers.
    pub worker_type: InstanceType,
    /// Instance type of the bastion and the workbench.
    pub machine_type: InstanceType,
    /// Size of a /hipaa volume.
    pub volume_gib: u32,
    /// Monthly costs above which a warning is sent, in US dollars.
    pub monthly_budget_usd: u32,
    /// Whether the private subnet can reach the internet, by a NAT gateway.
    pub nat: bool,
    /// Whether there is a bastion.
    pub bastion: bool,
    /// Whether there is a workbench.
    pub workbench: bool,
    /// Whether the environment includes AWS Config, or the account has it
    /// already.
    pub config: bool,
}

impl Answers {
    /// All answers as text, by parameter name.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let text = |of: Answer| match of {
            Answer::Text(text) => text,
            Answer::Number(number) => number.to_string(),
        };
        self.values().into_iter().map(|(name, of)| (name.to_owned(), text(of))).collect()
    }

    /// Parses the answers that [`Self::to_map`] wrote.
    ///
    /// # Errors
    /// An answer is missing or invalid.
    pub fn from_map(map: &BTreeMap<String, String>) -> Result<Self, AnswerError> {
        fn answer<T: FromStr>(
            map: &BTreeMap<String, String>,
            name: &str,
        ) -> Result<T, AnswerError> {
            let text = map.get(name).ok_or(AnswerError("an answer is missing"))?;
            text.parse().map_err(|_| AnswerError("an answer is invalid"))
        }
        let part = |name| answer::<String>(map, name).map(|of| of == "yes");
        Ok(Self {
            pit: answer(map, "Pit")?,
            ssh_from: answer(map, "SshFrom")?,
            email: answer(map, "Email")?,
            worker_type: answer(map, "WorkerType")?,
            machine_type: answer(map, "MachineType")?,
            volume_gib: answer(map, "VolumeGiB")?,
            monthly_budget_usd: answer(map, "MonthlyBudgetUsd")?,
            nat: part("WithNat")?,
            bastion: part("WithBastion")?,
            workbench: part("WithWorkbench")?,
            config: part("WithConfig")?,
        })
    }

    /// All answers, by parameter name.
    pub(crate) fn values(&self) -> Vec<(&'static str, Answer)> {
        let text = |value: &dyn fmt::Display| Answer::Text(value.to_string());
        let part = |there: bool| Answer::Text(if there { "yes" } else { "no" }.to_owned());
        vec![
            ("Pit", text(&self.pit)),
            ("SshFrom", text(&self.ssh_from)),
            ("Email", text(&self.email)),
            ("WorkerType", text(&self.worker_type)),
            ("MachineType", text(&self.machine_type)),
            ("VolumeGiB", Answer::Number(self.volume_gib)),
            ("MonthlyBudgetUsd", Answer::Number(self.monthly_budget_usd)),
            ("WithNat", part(self.nat)),
            ("WithBastion", part(self.bastion)),
            ("WithWorkbench", part(self.workbench)),
            ("WithConfig", part(self.config)),
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
impl Answers {
    /// An environment with every optional part, for tests.
    pub(crate) fn whole(pit: &str) -> Self {
        Self {
            pit: pit.parse().unwrap(),
            ssh_from: "192.0.2.0/24".parse().unwrap(),
            email: "it@example.org".parse().unwrap(),
            worker_type: "m5.large".parse().unwrap(),
            machine_type: "m5.large".parse().unwrap(),
            volume_gib: 100,
            monthly_budget_usd: 1000,
            nat: true,
            bastion: true,
            workbench: true,
            config: true,
        }
    }
}

/// A value that replaces a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Text(String),
    Number(u32),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_never_let_in() {
        for good in ["192.0.2.0/24", "10.0.0.0/8", "198.51.100.7/32"] {
            assert!(good.parse::<SshSource>().is_ok(), "{good}");
        }
        for bad in
            ["0.0.0.0/0", "0.0.0.0/8", "128.0.0.0/1", "8.0.0.0/7", "192.0.2.1/24", "::/0", "", "me"]
        {
            assert!(bad.parse::<SshSource>().is_err(), "{bad}");
        }
    }

    #[test]
    fn mail_goes_to_an_address() {
        assert!("it@example.org".parse::<Email>().is_ok());
        for bad in ["", "it", "@example.org", "it@", "it@example", "it@.org", "a b@c.d", "a@b@c.d"]
        {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        assert!(format!("{}@example.org", "a".repeat(250)).parse::<Email>().is_err());
    }

    #[test]
    fn answers_are_noted_and_read_again() {
        let answers = Answers { nat: false, volume_gib: 50, ..Answers::whole("hipaa") };
        let mut map = answers.to_map();
        assert_eq!(Answers::from_map(&map), Ok(answers));
        map.remove("WithNat");
        assert!(Answers::from_map(&map).is_err());
    }

    #[test]
    fn the_t_family_is_refused() {
        for good in ["m5.large", "c6i.2xlarge", "u-6tb1.metal", "trn1.2xlarge"] {
            assert!(good.parse::<InstanceType>().is_ok(), "{good}");
        }
        for bad in
            ["t3.large", "t4g.micro", "m5", ".large", "m5.", "M5.large", "5m.large", "m5.la rge"]
        {
            assert!(bad.parse::<InstanceType>().is_err(), "{bad}");
        }
    }
}
