//! CALLS.md says what is so: its table is the registry's, its examples mean something.

use policy::{Source, compile, registry, templates};

const CALLS: &str = include_str!("../CALLS.md");

#[test]
fn the_table_is_the_registrys() {
    assert!(
        CALLS.ends_with(&format!("\n\n{}", registry::reference())),
        "replace the end of CALLS.md by what `cargo run -p policy --example calls` prints"
    );
}

#[test]
fn the_examples_mean_something() {
    let mut seen = 0;
    for block in CALLS.split("```systrace\n").skip(1) {
        let (text, _) = block.split_once("```").unwrap();
        let header = if text.contains("Policy:") { "" } else { "Policy: /p, Emulation: native\n" };
        let text = format!("{header}{text}");
        let lowered = compile(&Source::new("example", text), &templates::builtin);
        assert_eq!(lowered.unwrap_or_else(|errors| panic!("{errors:#?}")).warnings, []);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn every_argument_has_its_text_explained() {
    for parameter in registry::forms().flat_map(|form| form.form().parameters) {
        assert!(CALLS.contains(&format!("`{}`", parameter.name)), "{}", parameter.name);
    }
}
