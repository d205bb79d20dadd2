//! Tests of expected states: references become ids.

use sce_core::resources::Resources;
use serde_json::json;

use super::*;

fn expected(template: &Value, ids: &[(&str, &str)]) -> BTreeMap<LogicalId, Resource> {
    let place = Resources {
        pit: "hipaa".parse().unwrap(),
        account: "123456789012".parse().unwrap(),
        region: "us-gov-west-1".to_owned(),
    };
    let parameters = BTreeMap::from([("Lists".to_owned(), "pl-1".to_owned())]);
    let ids = ids.iter().map(|(id, of)| ((*id).to_owned(), (*of).to_owned())).collect();
    let names = Names { place: &place, parameters: &parameters, ids: &ids };
    expect(&Stage(json!({ "Resources": template })), &names)
}

#[test]
fn references_become_ids() {
    let template = json!({
        "S3D": { "Type": "AWS::S3::Bucket" },
        "Key": { "Type": "AWS::KMS::Key" },
        "Units": { "Type": "AWS::SQS::Queue" },
        "Role": { "Type": "AWS::IAM::Role" },
        "X": { "Type": "x", "Properties": {
            "Bucket": { "Ref": "S3D" },
            "Arn": { "Fn::GetAtt": ["S3D", "Arn"] },
            "Key": { "Fn::GetAtt": ["Key", "Arn"] },
            "Queue": { "Fn::GetAtt": ["Units", "Arn"] },
            "Role": { "Fn::GetAtt": ["Role", "Arn"] },
            "Text": { "Fn::Sub": "${S3D.Arn}/* ${AWS::Region} ${!aws:x} ${Lists}" },
            "List": { "Ref": "Lists" },
            "Unknown": { "Ref": "Absent" },
            "Half": { "Fn::Sub": "a ${Absent}" },
            "Zone": { "Fn::Select": [0, "x"] },
        } },
    });
    let ids = [
        ("S3D", "hipaa-data"),
        ("Key", "1234-abcd"),
        ("Units", "https://sqs/123456789012/hipaa-units"),
        ("Role", "hipaa-worker"),
    ];
    assert_eq!(
        expected(&template, &ids)["X"].properties,
        json!({
            "Bucket": "hipaa-data",
            "Arn": "arn:aws-us-gov:s3:::hipaa-data",
            "Key": "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1234-abcd",
            "Queue": "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:hipaa-units",
            "Role": "arn:aws-us-gov:iam::123456789012:role/hipaa-worker",
            "Text": "arn:aws-us-gov:s3:::hipaa-data/* us-gov-west-1 ${aws:x} pl-1",
            "List": "pl-1",
            "Unknown": null,
            "Half": null,
            "Zone": null,
        })
    );
}

#[test]
fn routes_and_rules_are_gathered_where_they_belong() {
    let template = json!({
        "RT": { "Type": "AWS::EC2::RouteTable" },
        "Other": { "Type": "AWS::EC2::RouteTable" },
        "Out": { "Type": "AWS::EC2::Route", "Properties": {
            "RouteTableId": { "Ref": "RT" }, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": { "Ref": "NG" },
        } },
        "Here": { "Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": {
            "RouteTableId": { "Ref": "RT" }, "SubnetId": "subnet-1",
        } },
        "Group": { "Type": "AWS::EC2::SecurityGroup", "Properties": {
            "SecurityGroupEgress": [{ "IpProtocol": "tcp", "CidrIp": "10.0.0.0/16", "Description": "V" }],
        } },
        "More": { "Type": "AWS::EC2::SecurityGroupEgress", "Properties": {
            "GroupId": { "Ref": "Group" }, "IpProtocol": "tcp", "CidrIp": "0.0.0.0/0",
        } },
    });
    let ids = [("RT", "rtb-1"), ("Other", "rtb-2"), ("NG", "nat-1"), ("Group", "sg-1")];
    let all = expected(&template, &ids);
    let route = json!({ "Destination": "0.0.0.0/0", "Target": "nat-1", "State": "active" });
    assert_eq!(all["RT"].properties, json!({ "Routes": [route], "Subnets": ["subnet-1"] }));
    assert_eq!(all["Other"].properties, json!({ "Routes": [], "Subnets": [] }));
    assert_eq!(
        all["Group"].properties,
        json!({
            "SecurityGroupIngress": [],
            "SecurityGroupEgress": [
                { "IpProtocol": "tcp", "CidrIp": "10.0.0.0/16" },
                { "IpProtocol": "tcp", "CidrIp": "0.0.0.0/0" },
            ],
        })
    );
}

#[test]
fn what_stands_beside_the_template_is_asked_for() {
    let all = expected(&json!({ "V": { "Type": "AWS::EC2::VPC" } }), &[("V", "vpc-1")]);
    assert_eq!(all["default group"].id.as_deref(), Some("vpc-1"));
    assert_eq!(all["account"].properties["HttpTokens"], "required");
    assert_eq!(all["V"].id.as_deref(), Some("vpc-1"));
    // Without a VPC there is no default group.
    let none = expected(&json!({}), &[]);
    assert_eq!(none["default group"].id, None);
}
