//! The registry as a table for people: the end of `CALLS.md`.

use std::fmt::Write;

use super::{Call, Form, FormTest, calls};

/// Markdown: a table of the forms that have more than the call's own name, then a list of the other
/// calls.
#[must_use]
pub fn reference() -> String {
    let mut text =
        String::from("| call | when | names | aliases | arguments |\n|---|---|---|---|---|\n");
    for call in calls().iter().filter(|call| !is_bare(call)) {
        for form in call.forms {
            text += &row(call, form);
        }
    }
    text += "\nCalls with their own name only and without arguments:\n";
    let bare = calls().iter().filter(|call| is_bare(call));
    let names: Vec<_> = bare.map(|call| call.name).collect();
    wrap(&names, &mut text);
    text
}

fn is_bare(call: &Call) -> bool {
    let plain = |form: &Form| form.names.len() == 1 && form.parameters.is_empty();
    call.forms.len() == 1 && call.forms.iter().all(plain)
}

fn row(call: &Call, form: &Form) -> String {
    let when: Vec<_> = form.when.iter().map(test).collect();
    let aliases: Vec<_> = form.aliases.iter().map(|used| used.alias.name()).collect();
    let arguments: Vec<_> = form.parameters.iter().map(|parameter| parameter.name).collect();
    let (when, names) = (when.join(", "), form.names.join(" "));
    let (aliases, arguments) = (aliases.join(" "), arguments.join(" "));
    let number = call.number.0;
    format!("| {} {number} | {when} | {names} | {aliases} | {arguments} |\n", call.name)
}

/// Arguments are counted from 0.
fn test(test: &FormTest) -> String {
    let bits = |value: String, mask: u64, equals: u64| match (mask, equals) {
        (u64::MAX, 0) => format!("{value} is null"),
        _ => format!("{value} & {mask:#x} = {equals:#x}"),
    };
    match *test {
        FormTest::Register { argument, mask, equals } => {
            bits(format!("arg{argument}"), mask, equals)
        }
        FormTest::EmptyPath(argument) => format!("arg{argument} is empty"),
        FormTest::OpenHow { argument, mask, equals } => {
            bits(format!("arg{argument}→flags"), mask, equals)
        }
    }
}

fn wrap(names: &[&str], text: &mut String) {
    let mut column = 0;
    for name in names {
        let separator = if column + name.len() > 115 { "\n" } else { " " };
        let separator = if column == 0 { "" } else { separator };
        column = if separator == " " { column + 1 + name.len() } else { name.len() };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{name}");
    }
    text.push('\n');
}
