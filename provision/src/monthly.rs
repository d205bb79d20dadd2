//! Monthly costs of an environment that does no work, computed from its
//! template, and of the resources retained after its deletion.

use std::collections::BTreeMap;

use sce_core::cost::{Money, Prices, StandingPrice};
use serde::Serialize;

use crate::stage::Stage;

/// Hours per month, as AWS bills.
const MONTH_HOURS: u64 = 730;
/// Bytes per GB, as AWS bills.
const GB_BYTES: u128 = 1 << 30;

/// One line of the monthly costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What the cost is for.
    pub what: String,
    /// Per month, in US dollars; `None` if the price table has no price.
    pub month: Option<Money>,
}

/// Monthly costs of the parts that are billed whether used or not. The fee for
/// dedicated instances is a separate line: it is billed once per region, with
/// or without workers, while the bastion or the workbench runs.
pub fn month(
    template: &Stage,
    parameters: &BTreeMap<String, String>,
    prices: &Prices,
    region: &str,
) -> Vec<Item> {
    let here = prices.regions.iter().find(|of| of.region == region);
    let standing = here.and_then(|of| of.standing.as_ref());
    let hours =
        |price: fn(&StandingPrice) -> Money| standing.map(|of| price(of).times(MONTH_HOURS));
    let count =
        |kind: &str| template.resources().filter(|(_, of)| of["Type"] == kind).count() as u64;
    let interface = |of: &serde_json::Value| of["Properties"]["VpcEndpointType"] == "Interface";
    let endpoints = template.resources().filter(|(_, of)| interface(of)).count() as u64;
    let mut items = Vec::new();
    let mut add = |number: u64, what: &str, one: Option<Money>| {
        if number > 0 {
            items.push(Item {
                what: format!("{number} {what}"),
                month: one.map(|of| of.times(number)),
            });
        }
    };
    add(
        count("AWS::EC2::NatGateway"),
        "NAT gateway, without data transfer",
        hours(|of| of.nat_hour),
    );
    add(endpoints, "interface endpoints, without data transfer", hours(|of| of.endpoint_hour));
    add(count("AWS::EC2::EIP"), "public addresses", hours(|of| of.address_hour));
    add(count("AWS::KMS::Key"), "key", standing.map(|of| of.key_month));
    let machines = template.resources().filter(|(_, of)| of["Type"] == "AWS::EC2::Instance");
    let text = |of: &serde_json::Value| {
        let named = of["Ref"].as_str().and_then(|name| parameters.get(name)).cloned();
        named.or_else(|| of.as_str().map(str::to_owned)).unwrap_or_default()
    };
    for (name, of) in machines {
        let kind = text(&of["Properties"]["InstanceType"]);
        let row = prices.rows.iter().find(|row| row.region == region && row.instance_type == kind);
        add(
            1,
            &format!("{kind} ({name}), dedicated"),
            row.map(|of| of.dedicated_hour.times(MONTH_HOURS)),
        );
    }
    let disks = volumes(template);
    add(disks, "GiB of volumes", here.map(|of| of.volume_gb_month));
    if count("AWS::EC2::Instance") > 0 {
        add(1, "fee for dedicated instances", here.map(|of| of.fee_hour.times(MONTH_HOURS)));
    }
    items
}

/// GiB of the volumes of the bastion and the workbench.
fn volumes(template: &Stage) -> u64 {
    let size = |of: &serde_json::Value| of.as_u64().unwrap_or_default();
    let roots = template.resources().flat_map(|(_, of)| {
        let mappings = of["Properties"]["BlockDeviceMappings"].as_array();
        mappings.into_iter().flatten().map(|of| size(&of["Ebs"]["VolumeSize"])).collect::<Vec<_>>()
    });
    let alone = template.resources().filter(|(_, of)| of["Type"] == "AWS::EC2::Volume");
    roots.sum::<u64>() + alone.map(|(_, of)| size(&of["Properties"]["Size"])).sum::<u64>()
}

/// Monthly costs of a retained resource of this size.
pub fn kept(kind: &str, bytes: u64, prices: &Prices, region: &str) -> Option<Money> {
    let here = prices.regions.iter().find(|of| of.region == region)?;
    let standing = here.standing.as_ref()?;
    let price = match kind {
        "AWS::S3::Bucket" => standing.object_gb_month,
        "AWS::DynamoDB::Table" => standing.row_gb_month?,
        "AWS::Logs::LogGroup" => standing.log_gb_month?,
        "AWS::KMS::Key" => return Some(standing.key_month),
        _ => return None,
    };
    // Price times bytes may exceed 64 bits.
    let amount = u128::from(price.0) * u128::from(bytes);
    Some(Money(u64::try_from(amount.div_ceil(GB_BYTES)).unwrap_or(u64::MAX)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use sce_core::cost::{PriceRow, RegionPrice};
    use serde_json::json;

    fn prices() -> Prices {
        let cents = |cents: u64| Money(cents * 10_000);
        let standing = StandingPrice {
            nat_hour: cents(5),
            endpoint_hour: cents(1),
            address_hour: cents(2),
            key_month: cents(100),
            object_gb_month: cents(3),
            row_gb_month: None,
            log_gb_month: Some(cents(4)),
        };
        let region = RegionPrice {
            region: "here".to_owned(),
            volume_gb_month: cents(8),
            fee_hour: cents(200),
            standing: Some(standing),
        };
        let row = PriceRow {
            region: "here".to_owned(),
            instance_type: "m5.large".to_owned(),
            dedicated_hour: cents(10),
        };
        Prices { regions: vec![region], rows: vec![row], ..Prices::default() }
    }

    fn of(items: &[Item]) -> Vec<(&str, Option<u64>)> {
        items.iter().map(|of| (of.what.as_str(), of.month.map(|of| of.0 / 10_000))).collect()
    }

    #[test]
    fn everything_that_costs_is_counted() {
        let ebs = json!([{ "Ebs": { "VolumeSize": 16 } }]);
        let machine = json!({ "InstanceType": "m5.large", "BlockDeviceMappings": ebs });
        let template = Stage(json!({ "Resources": {
            "NG": { "Type": "AWS::EC2::NatGateway" },
            "NGAddress": { "Type": "AWS::EC2::EIP" },
            "SqsEP": { "Type": "AWS::EC2::VPCEndpoint", "Properties": { "VpcEndpointType": "Interface" } },
            "S3EP": { "Type": "AWS::EC2::VPCEndpoint", "Properties": { "VpcEndpointType": "Gateway" } },
            "Key": { "Type": "AWS::KMS::Key" },
            "E": { "Type": "AWS::EC2::Instance", "Properties": machine },
            "EVolume": { "Type": "AWS::EC2::Volume", "Properties": { "Size": 100 } },
        }}));
        let none = BTreeMap::new();
        assert_eq!(
            of(&month(&template, &none, &prices(), "here")),
            [
                ("1 NAT gateway, without data transfer", Some(3650)),
                ("1 interface endpoints, without data transfer", Some(730)),
                ("1 public addresses", Some(1460)),
                ("1 key", Some(100)),
                ("1 m5.large (E), dedicated", Some(7300)),
                ("116 GiB of volumes", Some(928)),
                ("1 fee for dedicated instances", Some(146_000)),
            ]
        );
        // Prices of another region are never used.
        let unknown = month(&template, &none, &prices(), "elsewhere");
        assert!(unknown.iter().all(|of| of.month.is_none()) && unknown.len() == 7);
    }

    #[test]
    fn what_is_kept_costs_by_its_size() {
        let gib = 1 << 30;
        let cost = |kind: &str, bytes| kept(kind, bytes, &prices(), "here").map(|of| of.0);
        assert_eq!(cost("AWS::S3::Bucket", 2 * gib), Some(60_000));
        assert_eq!(cost("AWS::KMS::Key", 0), Some(1_000_000));
        assert_eq!(cost("AWS::DynamoDB::Table", gib), None, "the table has no price");
        assert_eq!(cost("AWS::IAM::Role", 1), None);
        assert_eq!(kept("AWS::S3::Bucket", 1, &prices(), "elsewhere"), None);
    }
}
