//! Puts the lines of a file together: headers open policies, other lines belong to the policy above them.

use std::collections::HashMap;

use super::comments::Comments;
use super::grouping;
use super::header::{Name, Opening, RuleParts, fields};
use super::reader::{Line, Lines};
use super::rule;
use crate::ast::{File, PolicyText, RuleText, Spanned, Statement, TemplateText};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::source::Source;

/// What a text says, and what is remarkable about it.
#[derive(Debug, Clone)]
pub struct Parsed<T> {
    /// The written form.
    pub tree: T,
    /// The comments, for printing.
    pub comments: Comments,
    /// Findings that do not refuse the text, in order of place.
    pub warnings: Vec<Diagnostic>,
}

/// Parses a policy file.
///
/// # Errors
/// Everything that is wrong with it, warnings included, in order of place.
pub fn parse(source: &Source) -> Result<Parsed<File>, Vec<Diagnostic>> {
    let mut assembly = Assembly::new(source.text(), Kind::Policies);
    assembly.read();
    assembly.finish(|policies, _| File { policies })
}

/// Parses a template file.
///
/// # Errors
/// As [`parse`].
pub fn parse_template(source: &Source) -> Result<Parsed<TemplateText>, Vec<Diagnostic>> {
    let mut assembly = Assembly::new(source.text(), Kind::Template);
    assembly.read();
    assembly.finish(template)
}

fn template(mut sections: Vec<PolicyText>, description: Spanned<String>) -> TemplateText {
    // A file without a section was refused before, as was one with two.
    let section = sections.swap_remove(0);
    let rules = section.statements.into_iter().filter_map(|statement| match statement {
        Statement::Rule(rule) => Some(*rule),
        Statement::Include(_) => None,
    });
    TemplateText {
        name: section.program,
        emulation: section.emulation,
        description,
        rules: rules.collect(),
        span: section.span,
    }
}

/// Which sections a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Policies,
    Template,
}

/// Where the next rule belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// No header was seen yet.
    None,
    /// The header was refused; its rules are checked for themselves only.
    Refused,
    /// The policy of this place in the list.
    Open(usize),
    /// The same, ended by `detached` there.
    Detached(usize, Span),
}

struct Assembly<'s> {
    text: &'s [u8],
    kind: Kind,
    policies: Vec<PolicyText>,
    description: Spanned<String>,
    /// Where in `policies` each program is.
    places: HashMap<String, usize>,
    section: Section,
    comments: Comments,
    findings: Vec<Diagnostic>,
}

impl<'s> Assembly<'s> {
    fn new(text: &'s [u8], kind: Kind) -> Self {
        Self {
            text,
            kind,
            policies: Vec::new(),
            description: Spanned { value: String::new(), span: Span::default() },
            places: HashMap::new(),
            section: Section::None,
            comments: Comments::default(),
            findings: Vec::new(),
        }
    }

    fn read(&mut self) {
        for line in Lines::new(self.text) {
            let comment = line.comment.map(|span| &self.text[span.start..span.end]);
            let item = match self.line(line) {
                Ok(item) => item,
                Err(finding) => {
                    self.findings.push(finding);
                    None
                }
            };
            match item {
                Some(item) => self.comments.attach(item.start, comment),
                None if comment.is_some() || line.text.start == line.text.end => {
                    self.comments.note(comment);
                }
                None => {}
            }
        }
    }

    /// Takes one line in. The result is the item that comments can be attached to.
    fn line(&mut self, line: Line) -> Result<Option<Span>, Diagnostic> {
        if line.text.start == line.text.end {
            return Ok(None);
        }
        let opening = Opening::of(self.text, line.text)?;
        self.refuse_wrong_kind(opening, line.text)?;
        match opening {
            Opening::Policy => self.policy_header(line.text),
            Opening::Template => self.template_header(line.text),
            Opening::Include(name) => {
                let name = Name::Template.read(self.text, name)?;
                self.add(Statement::Include(name), line.text)
            }
            Opening::Detached => self.detached(line.text),
            Opening::Rule(parts) => self.rule(line.text, parts),
        }
    }

    /// Policies and templates are not mixed in a file.
    fn refuse_wrong_kind(&mut self, opening: Opening, line: Span) -> Result<(), Diagnostic> {
        let message = match (self.kind, opening) {
            (Kind::Policies, Opening::Template) => "a template in a policy file",
            (Kind::Template, Opening::Policy) => "a policy in a template file",
            (Kind::Template, Opening::Template) if self.section != Section::None => {
                "a second template in one file"
            }
            (Kind::Template, Opening::Include(_)) => "a template includes nothing",
            (Kind::Template, Opening::Detached) => "a template cannot be detached",
            _ => return Ok(()),
        };
        if matches!(opening, Opening::Policy | Opening::Template) {
            self.section = Section::Refused;
        }
        Err(Diagnostic::new(Code::WrongKind, line, message)
            .help("a policy takes the rules of a template with `Include: NAME`"))
    }

    fn policy_header(&mut self, line: Span) -> Result<Option<Span>, Diagnostic> {
        self.section = Section::Refused;
        let [program, emulation] = fields(self.text, line, ["Policy", "Emulation"])?;
        let program = Name::Program.read(self.text, program)?;
        let emulation = Name::Emulation.read(self.text, emulation)?;
        match self.places.get(&program.value) {
            Some(&place) => self.reopen(place, &emulation).map(|()| None),
            None => Ok(Some(self.open(program, emulation, line))),
        }
    }

    fn open(&mut self, program: Spanned<String>, emulation: Spanned<String>, span: Span) -> Span {
        let place = self.policies.len();
        self.places.insert(program.value.clone(), place);
        self.section = Section::Open(place);
        let statements = Vec::new();
        self.policies.push(PolicyText { program, emulation, detached: None, statements, span });
        span
    }

    fn reopen(&mut self, place: usize, emulation: &Spanned<String>) -> Result<(), Diagnostic> {
        let first = &self.policies[place].emulation;
        if first.value != emulation.value {
            let message = format!("this program's emulation is `{}`", first.value);
            return Err(Diagnostic::new(Code::Emulation, emulation.span, message)
                .label(first.span, "as its first header says"));
        }
        self.section = Section::Open(place);
        Ok(())
    }

    fn template_header(&mut self, line: Span) -> Result<Option<Span>, Diagnostic> {
        self.section = Section::Refused;
        let names = ["Template", "Emulation", "Description"];
        let [name, emulation, description] = fields(self.text, line, names)?;
        let name = Name::Template.read(self.text, name)?;
        let emulation = Name::Emulation.read(self.text, emulation)?;
        self.description = Name::Description.read(self.text, description)?;
        Ok(Some(self.open(name, emulation, line)))
    }

    fn detached(&mut self, line: Span) -> Result<Option<Span>, Diagnostic> {
        let place = match self.section {
            Section::None => return Err(outside(line)),
            Section::Refused | Section::Detached(..) => return Ok(None),
            Section::Open(place) => place,
        };
        self.section = Section::Detached(place, line);
        let first = self.policies[place].detached.get_or_insert(line);
        Ok((*first == line).then_some(line))
    }

    fn rule(&mut self, line: Span, parts: RuleParts) -> Result<Option<Span>, Diagnostic> {
        let call = Name::Call.read(self.text, parts.call)?;
        let emulation = Name::Emulation.read(self.text, parts.emulation)?;
        let body = rule::parse(self.text, parts.body, &mut self.findings)?;
        self.findings.extend(grouping::check(&body.condition));
        self.check_emulation(&emulation)?;
        let rule::Body { condition, plain, action, log, identity, predicate } = body;
        let rule =
            RuleText { call, condition, plain, action, log, identity, predicate, span: line };
        self.add(Statement::Rule(Box::new(rule)), line)
    }

    fn check_emulation(&self, emulation: &Spanned<String>) -> Result<(), Diagnostic> {
        let (Section::Open(place) | Section::Detached(place, _)) = self.section else {
            return Ok(());
        };
        let header = &self.policies[place].emulation;
        if header.value == emulation.value {
            return Ok(());
        }
        let message = format!("rules of this policy start with `{}-`", header.value);
        Err(Diagnostic::new(Code::Emulation, emulation.span, message)
            .label(header.span, "as the header says"))
    }

    fn add(&mut self, statement: Statement, line: Span) -> Result<Option<Span>, Diagnostic> {
        match self.section {
            Section::None => {
                // Said once: what follows until the next header has the same fault.
                self.section = Section::Refused;
                Err(outside(line))
            }
            Section::Refused => Ok(None),
            Section::Open(place) => {
                let item = statement.span();
                self.policies[place].statements.push(statement);
                Ok(Some(item))
            }
            Section::Detached(_, detached) => {
                let message = "nothing can follow `detached` in a policy";
                Err(Diagnostic::new(Code::AfterDetached, line, message)
                    .label(detached, "the policy ends here"))
            }
        }
    }

    fn finish<T>(
        mut self,
        build: impl FnOnce(Vec<PolicyText>, Spanned<String>) -> T,
    ) -> Result<Parsed<T>, Vec<Diagnostic>> {
        let failed = self.findings.iter().any(Diagnostic::is_error);
        if self.policies.is_empty() && !failed {
            let place = Span::at(self.text.len());
            self.findings.push(Diagnostic::new(Code::NoPolicy, place, "the file says nothing"));
        }
        self.findings.sort_by_key(|finding| finding.span.start);
        if self.findings.iter().any(Diagnostic::is_error) {
            return Err(self.findings);
        }
        Ok(Parsed {
            tree: build(self.policies, self.description),
            comments: self.comments,
            warnings: self.findings,
        })
    }
}

fn outside(line: Span) -> Diagnostic {
    Diagnostic::new(Code::OutsidePolicy, line, "this stands before the first header")
        .help("start with `Policy: /path/of/program, Emulation: native`")
}
