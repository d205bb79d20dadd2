//! Tests of the verdicts.

use serde_json::json;

use super::*;

fn resource(kind: &str, properties: Value) -> Resource {
    Resource { kind: kind.to_owned(), id: Some("id".to_owned()), properties }
}

fn line<'a>(lines: &'a [Line], control: &str) -> &'a Line {
    lines.iter().find(|of| of.control == control).unwrap_or_else(|| panic!("{control}: {lines:?}"))
}

fn judged(live: Live) -> Line {
    let expected = BTreeMap::from([(
        "V".to_owned(),
        resource("AWS::EC2::VPC", json!({ "InstanceTenancy": "dedicated" })),
    )]);
    let lines = judge(&expected, &BTreeMap::from([("V".to_owned(), live)]), &BTreeSet::new());
    line(&lines, "tenancy").clone()
}

#[test]
fn a_control_holds_is_broken_or_cannot_be_told() {
    for (live, verdict, evidence) in [
        (Live::There(json!({ "InstanceTenancy": "dedicated" })), "holds", "V"),
        (
            Live::There(json!({ "InstanceTenancy": "default" })),
            "broken",
            "V InstanceTenancy: is default, not dedicated",
        ),
        (Live::Gone, "broken", "V does not exist"),
        (Live::There(json!({})), "cannot tell", "V InstanceTenancy: not reported"),
        (Live::Unreadable("AccessDenied".to_owned()), "cannot tell", "V: AccessDenied"),
    ] {
        let line = judged(live);
        assert_eq!((line.verdict, line.evidence.as_str()), (verdict, evidence));
    }
}

#[test]
fn one_break_outweighs_what_cannot_be_told() {
    let expected = BTreeMap::from([
        ("V".to_owned(), resource("AWS::EC2::VPC", json!({ "InstanceTenancy": "dedicated" }))),
        ("B".to_owned(), resource("AWS::EC2::Instance", json!({ "Tenancy": "dedicated" }))),
    ]);
    let live = BTreeMap::from([
        ("V".to_owned(), Live::There(json!({}))),
        ("B".to_owned(), Live::There(json!({ "Tenancy": "default" }))),
    ]);
    let lines = judge(&expected, &live, &BTreeSet::new());
    assert_eq!(line(&lines, "tenancy").verdict, BROKEN);
}

#[test]
fn what_was_left_out_is_said_and_what_is_not_part_is_not() {
    let left_out = BTreeSet::from(["AWS::EC2::NatGateway".to_owned()]);
    let lines = judge(&BTreeMap::new(), &BTreeMap::new(), &left_out);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].verdict, "cannot tell");
    assert_eq!(lines[0].evidence, "AWS::EC2::NatGateway was left out");
}

#[test]
fn policies_are_compared_to_the_letter() {
    let allow = json!({ "Statement": [{ "Sid": "A", "Effect": "Allow" }] });
    let more = json!({ "Statement": [{ "Sid": "A", "Effect": "Allow" }, { "Sid": "B", "Effect": "Allow" }] });
    let with = |of: &Value| json!({ "PolicyDocument": of });
    assert_eq!(look("PolicyDocument", &with(&allow), &with(&allow)), Verdict::Holds);
    assert!(matches!(look("PolicyDocument", &with(&allow), &with(&more)), Verdict::Broken(_)));
}

#[test]
fn names_of_controls_are_different_and_each_covers_something() {
    let names: BTreeSet<&str> = CONTROLS.iter().map(|of| of.name).collect();
    assert_eq!(names.len(), CONTROLS.len());
    assert!(CONTROLS.iter().all(|of| !of.covers.is_empty() && of.paragraph.starts_with("164.3")));
}

#[test]
fn what_is_broken_is_never_hidden_by_what_is_not_seen() {
    let of = |hold, broken, silent| Tally { hold, broken, silent }.is_blind();
    assert!(of(2, 0, 20) && !of(20, 0, 2) && !of(2, 1, 20) && !of(0, 1, 0));
}
