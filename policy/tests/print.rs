//! The canonical text of a policy that was written in haste, read as prose.

use policy::{Source, parse, parse_template, print};

fn printed(text: &str) -> String {
    let parsed = parse(&Source::new("x", text)).unwrap();
    String::from_utf8(print::file(&parsed.tree, &parsed.comments)).unwrap()
}

#[test]
fn an_untidy_policy_becomes_tidy_and_keeps_its_comments() {
    let expected = include_str!("fixtures/print/untidy.expected");
    assert_eq!(printed(include_str!("fixtures/print/untidy.policy")), expected);
    assert_eq!(printed(expected), expected);
}

#[test]
fn a_template_is_printed() {
    let text = "# why\nTEMPLATE: x,Emulation:native,Description:\nnative-read:permit # here";
    let parsed = parse_template(&Source::new("x", text)).unwrap();
    let printed = print::template(&parsed.tree, &parsed.comments);
    assert_eq!(
        String::from_utf8(printed).unwrap(),
        "# why\nTemplate: x, Emulation: native, Description:\n\tnative-read: permit # here\n"
    );
}
