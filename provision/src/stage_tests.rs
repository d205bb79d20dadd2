//! Tests of the stages: retained resources alone, and the removal of types.

use serde_json::json;

use super::*;
use crate::answers::Answers;

fn ids(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|of| (*of).to_owned()).collect()
}

fn environment(left_out: &[&str]) -> Stage {
    Stage::deployed(&Answers::whole("hipaa"), &ids(left_out)).unwrap()
}

#[test]
fn steps_follow_from_what_stands() {
    let kept = ids(&["Key", "S3A"]);
    for (standing, steps) in [
        (Standing::Absent(ids(&[])), vec![Step::Keep { new: true }, Step::Whole]),
        (Standing::Absent(kept.clone()), vec![Step::Adopt(kept.clone()), Step::Whole]),
        (
            Standing::Absent(ids(&["Key"])),
            vec![Step::Adopt(ids(&["Key"])), Step::Keep { new: false }, Step::Whole],
        ),
        (Standing::Deployed(ids(&["Key", "S3A", "V"])), vec![Step::Whole]),
        (Standing::Deployed(ids(&["Key"])), vec![Step::Keep { new: false }, Step::Whole]),
        // The smaller template must not delete existing resources.
        (Standing::Deployed(ids(&["Key", "V"])), vec![Step::Whole]),
        (Standing::Deployed(ids(&["S3A", "V"])), vec![Step::Whole]),
    ] {
        assert_eq!(plan(&standing, &kept), steps, "{standing:?}");
    }
}

#[test]
fn what_is_kept_stands_alone() {
    let template = environment(&[]);
    let kept = template.kept();
    let kinds: BTreeSet<&str> = template
        .resources()
        .filter(|(id, _)| kept.contains(*id))
        .map(|(_, of)| of["Type"].as_str().unwrap())
        .collect();
    // Everything that is retained can be imported.
    assert!(kinds.iter().all(|kind| import_identifier(kind).is_some()), "{kinds:?}");
    let alone = template.only(&kept);
    assert_eq!(alone.resources().count(), kept.len());
    let mut named = BTreeSet::new();
    references(&alone.0["Resources"], &mut named);
    let unresolved: Vec<&&str> =
        named.iter().filter(|id| !kept.contains(**id) && !id.starts_with("AWS::")).collect();
    assert_eq!(unresolved, Vec::<&&str>::new());
    assert!(alone.0.get("Outputs").is_none() && alone.parameters().is_empty());
    // Buckets always have their policies, from the first stage on: a policy
    // that requires an endpoint denies all access until the endpoint exists.
    let policy = &alone.0["Resources"]["S3DPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let sids: Vec<&str> =
        policy.as_array().unwrap().iter().map(|of| of["Sid"].as_str().unwrap()).collect();
    assert_eq!(
        sids,
        ["TlsOnly", "EncryptedOnly", "OurKeyOnly", "ReadInsideOnly", "WriteInsideOnly"]
    );
    assert_eq!(policy[3]["Condition"]["StringNotEquals"]["aws:SourceVpce"], "none-s3ep");
    // It is sent in the request, because it creates the bucket that stores
    // templates.
    assert!(alone.0.to_string().len() <= 51_200);
}

#[test]
fn what_is_left_out_takes_what_needs_it_along() {
    let whole = environment(&[]);
    assert_eq!(whole.clone(), whole.without(&ids(&[])));
    let without = environment(&["AWS::EC2::EIP", "TlsOnly"]);
    let left: BTreeSet<&str> = without.resources().map(|(id, _)| id).collect();
    for gone in ["NGAddress", "NG", "RTOut", "BAddress"] {
        assert!(!left.contains(gone), "{gone}");
    }
    assert!(left.contains("B") && left.contains("RTpublicOut"));
    assert!(without.0["Outputs"].get("BastionAddress").is_none());
    assert!(without.0["Outputs"].get("Pit").is_some());
    let text = without.0["Resources"].to_string();
    assert!(!text.contains("TlsOnly") && text.contains("EncryptedOnly"));
    assert!(!text.contains("\"IGAttachment\",\"NG"));
}

#[test]
fn a_deployed_template_notes_what_it_came_from() {
    let template = environment(&["AWS::Budgets::Budget"]);
    let (answers, left_out) = template.note().unwrap();
    assert_eq!(Stage::deployed(&answers, &left_out).unwrap(), template);
    assert_eq!(Stage(json!({ "Resources": {} })).note(), None);
}

#[test]
fn references_of_every_form_are_found() {
    let value = json!({
        "a": { "Ref": "A" }, "b": [{ "Fn::GetAtt": ["B", "Arn"] }],
        "c": { "Fn::Sub": "x${C}y${D.Arn}z${!E}" }, "d": "${F}"
    });
    let mut found = BTreeSet::new();
    references(&value, &mut found);
    assert_eq!(found, BTreeSet::from(["A", "B", "C", "D", "!E"]));
}
