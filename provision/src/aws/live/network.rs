//! The VPC and its parts: subnets, routes, endpoints, security groups.

use aws_sdk_ec2::types::{
    Filter, IpPermission, Route, SecurityGroup, VpcAttributeName, VpcEndpoint,
};
use serde_json::{Value, json};

use super::{delivery, document};
use crate::aws::account::{Account, Answer, failed};

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

impl Account {
    pub(super) async fn vpc(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_vpcs().vpc_ids(id).send().await;
        let read = read.map_err(failed("read network", id))?;
        let Some(of) = read.vpcs.into_iter().flatten().next() else {
            return Ok(None);
        };
        Ok(Some(json!({
            "InstanceTenancy": of.instance_tenancy.map(|of| of.as_str().to_owned()),
            "EnableDnsSupport": self.vpc_flag(id, VpcAttributeName::EnableDnsSupport).await?,
            "EnableDnsHostnames": self.vpc_flag(id, VpcAttributeName::EnableDnsHostnames).await?,
        })))
    }

    pub(super) async fn subnet(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_subnets().subnet_ids(id).send().await;
        let read = read.map_err(failed("read subnet", id))?;
        let of = read.subnets.into_iter().flatten().next();
        Ok(of.map(|of| {
            json!({
                "CidrBlock": of.cidr_block,
                "MapPublicIpOnLaunch": of.map_public_ip_on_launch,
            })
        }))
    }

    pub(super) async fn route_table(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_route_tables().route_table_ids(id).send().await;
        let read = read.map_err(failed("read route table", id))?;
        let of = read.route_tables.into_iter().flatten().next();
        Ok(of.map(|of| {
            let subnets = of.associations.into_iter().flatten().filter_map(|of| of.subnet_id);
            json!({
                "Routes": of.routes.iter().flatten().filter_map(route).collect::<Vec<_>>(),
                "Subnets": subnets.collect::<Vec<_>>(),
            })
        }))
    }

    pub(super) async fn nat_gateway(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_nat_gateways().nat_gateway_ids(id).send().await;
        let read = read.map_err(failed("read NAT gateway", id))?;
        let of = read.nat_gateways.into_iter().flatten().next();
        Ok(of.map(|of| {
            json!({ "State": of.state.map(|of| of.as_str().to_owned()), "SubnetId": of.subnet_id })
        }))
    }

    pub(super) async fn endpoint(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await;
        let read = read.map_err(failed("read endpoint", id))?;
        Ok(read.vpc_endpoints.into_iter().flatten().next().map(|of| endpoint(&of)))
    }

    pub(super) async fn security_group(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_security_groups().group_ids(id).send().await;
        let read = read.map_err(failed("read security group", id))?;
        Ok(read.security_groups.into_iter().flatten().next().map(|of| rules(&of)))
    }

    pub(super) async fn default_group(&self, vpc: &str) -> Answer<Option<Value>> {
        let asked = self.clients.ec2.describe_security_groups().filters(filter("vpc-id", vpc));
        let read = asked.filters(filter("group-name", "default")).send().await;
        let read = read.map_err(failed("read default group of", vpc))?;
        Ok(read.security_groups.into_iter().flatten().next().map(|of| rules(&of)))
    }

    pub(super) async fn flow_log(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_flow_logs().flow_log_ids(id).send().await;
        let read = read.map_err(failed("read flow log", id))?;
        let of = read.flow_logs.into_iter().flatten().next();
        Ok(of.map(|of| {
            let failed = of.deliver_logs_status.as_deref().filter(|of| *of == "FAILED");
            json!({
                "State": of.flow_log_status,
                "Delivery": delivery(of.deliver_logs_error_message.as_deref().or(failed)),
                "TrafficType": of.traffic_type.map(|of| of.as_str().to_owned()),
                "LogGroupName": of.log_group_name,
            })
        }))
    }

    /// Reads a DNS attribute of the VPC; endpoints need both.
    async fn vpc_flag(&self, id: &str, flag: VpcAttributeName) -> Answer<Value> {
        let asked = self.clients.ec2.describe_vpc_attribute().vpc_id(id).attribute(flag.clone());
        let read = asked.send().await.map_err(failed("read network", id))?;
        let of = match flag {
            VpcAttributeName::EnableDnsSupport => read.enable_dns_support,
            _ => read.enable_dns_hostnames,
        };
        Ok(json!(of.and_then(|of| of.value)))
    }
}

/// A route, except the local one and those that endpoints add.
fn route(of: &Route) -> Option<Value> {
    let gateway = of.gateway_id.as_deref().unwrap_or_default();
    let by_endpoint = gateway.starts_with("vpce-") && of.destination_prefix_list_id.is_some();
    if gateway == "local" || by_endpoint {
        return None;
    }
    let destinations = [
        &of.destination_cidr_block,
        &of.destination_ipv6_cidr_block,
        &of.destination_prefix_list_id,
    ];
    let destination = destinations.into_iter().flatten().next();
    let targets = [
        &of.nat_gateway_id,
        &of.gateway_id,
        &of.transit_gateway_id,
        &of.vpc_peering_connection_id,
        &of.network_interface_id,
        &of.egress_only_internet_gateway_id,
        &of.instance_id,
    ];
    let target = targets.into_iter().flatten().next();
    Some(json!({
        "Destination": destination,
        "Target": target.map_or("elsewhere", |of| of.as_str()),
        "State": of.state.as_ref().map(|of| of.as_str().to_owned()),
    }))
}

fn endpoint(of: &VpcEndpoint) -> Value {
    let groups = of.groups.as_ref().map(|of| of.iter().map(|of| &of.group_id).collect::<Vec<_>>());
    json!({
        "State": of.state.as_ref().map(|of| of.as_str().to_lowercase()),
        "ServiceName": of.service_name,
        "RouteTableIds": of.route_table_ids,
        "SubnetIds": of.subnet_ids,
        "SecurityGroupIds": groups,
        "PrivateDnsEnabled": of.private_dns_enabled,
        "PolicyDocument": document(of.policy_document.as_deref()),
    })
}

/// A group's rules, split into one per source or destination.
fn rules(of: &SecurityGroup) -> Value {
    let each = |rules: &Option<Vec<IpPermission>>, list: &str, group: &str| {
        rules.iter().flatten().flat_map(|of| rule(of, list, group)).collect::<Vec<_>>()
    };
    json!({
        "SecurityGroupIngress":
            each(&of.ip_permissions, "SourcePrefixListId", "SourceSecurityGroupId"),
        "SecurityGroupEgress":
            each(&of.ip_permissions_egress, "DestinationPrefixListId", "DestinationSecurityGroupId"),
    })
}

fn rule(of: &IpPermission, list: &str, group: &str) -> Vec<Value> {
    let ranges = of.ip_ranges.iter().flatten().map(|of| ("CidrIp", &of.cidr_ip));
    let wide = of.ipv6_ranges.iter().flatten().map(|of| ("CidrIpv6", &of.cidr_ipv6));
    let lists = of.prefix_list_ids.iter().flatten().map(|of| (list, &of.prefix_list_id));
    let groups = of.user_id_group_pairs.iter().flatten().map(|of| (group, &of.group_id));
    let peers = ranges.chain(wide).chain(lists).chain(groups);
    peers
        .map(|(peer, id)| {
            let mut rule = json!({ "IpProtocol": of.ip_protocol, peer: id });
            if let (Some(from), Some(to)) = (of.from_port, of.to_port) {
                rule["FromPort"] = from.into();
                rule["ToPort"] = to.into();
            }
            rule
        })
        .collect()
}
