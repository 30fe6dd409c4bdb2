//! The registry of diagnostic codes: number, severity, title and the text of `explain`.

use std::fmt;

use super::Severity;

macro_rules! codes {
    ($($number:literal $name:ident $severity:ident $title:literal $explanation:literal)*) => {
        /// What kind of finding a diagnostic is. Numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $title] $name = $number,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        severity: Severity::$severity,
                        title: $title,
                        explanation: $explanation,
                    },)*
                }
            }
        }
    };
}

struct Entry {
    severity: Severity,
    title: &'static str,
    explanation: &'static str,
}

impl Code {
    /// How bad findings of this kind are.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.entry().severity
    }

    /// The kind of finding in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// What it means and how to correct it, in a few sentences.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        self.entry().explanation
    }

    /// The code that is printed as `name`, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.to_string().eq_ignore_ascii_case(name))
    }
}

/// `SYS001`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SYS{:03}", *self as u16)
    }
}

// 001 to 049: errors in the text. 050 to 099: warnings about the text. From 100: errors in what the text means; from
// 150: warnings about that. From 200: what only `check` looks for.
codes! {
    1 IllegalCharacter Error "illegal character"
"A rule holds a character that is no part of the language. Strings stand in double quotes, a rule ends with
its line, and a `\\` continues a line only when nothing but white space follows it. NUL bytes are refused
everywhere outside comments, since no value that a rule could be compared with holds one."

    2 OpenString Error "string not closed"
"A string starts with `\"` and must end with `\"` on the same line. Inside it, `\\\"` is a quote and `\\\\` a
backslash, so a string that ends in a backslash is written `\"C:\\\\\"`. A line break is written `\\n`."

    3 Unexpected Error "unexpected word"
"The rule does not follow the grammar at this place. A rule is `CONDITION then ACTION`, or only `ACTION`;
after the action come, in this order, a flag in brackets, `log`, `as USER:GROUP` and `, if user = NAME`.
Keywords are lower case and cannot name an argument, a user or a group."

    4 Index Error "index out of range"
"`filename[k]` is the k-th argument of that name, counted from 0. No call has more than ten, so k is 0 to 9."

    5 Depth Error "condition nested too deeply"
"A condition may nest 256 levels deep; each parenthesis, `not`, `and` and `or` opens a level. Write several
rules instead of a long `or`: the first rule that matches decides, so `a or b then permit` is the same as
two rules."

    6 UnknownErrno Error "unknown error name"
"`deny[NAME]` takes the name of an error number as errno(3) lists them, in any case: `deny[enoent]`. The
names that only BSD systems know are understood, too."

    7 PermitFlag Error "unknown flag of permit"
"`permit[inherit]` lets the new program keep the policy of the old one; `permit[detach]` lets it run
unsupervised. There is no other flag."

    8 NotRemembered Error "answer form in a policy"
"`permit-now` and `deny-now` answer a question for this one time. A policy file is what is remembered, so
they have no meaning in it; the original crashed on them. Write `permit` or `deny`."

    9 NumberTooLarge Error "number too large"
"A user or group number has 32 bits: 0 to 4294967295."

    10 Header Error "broken header"
"A policy starts with `Policy: PROGRAM, Emulation: NAME`, a template with `Template: NAME, Emulation: NAME,
Description: TEXT`. The words may be in any case. The program's name ends at the first comma."

    11 Statement Error "neither header nor rule"
"Every line of a policy is a header, `Include: NAME`, `detached`, or a rule `EMULATION-CALL: RULE`. A comment
starts with `#`. A line that ends in `\\` goes on in the next one."

    12 OutsidePolicy Error "rule before the first header"
"Rules belong to the program that the header above them names, so a file starts with `Policy: PROGRAM,
Emulation: NAME`."

    13 Emulation Error "emulation differs from the header's"
"Each rule starts with the emulation of its policy: under `Emulation: native` all rules are `native-…`. A
program has one emulation; a later header of the same program cannot change it."

    14 AfterDetached Error "rule after detached"
"`detached` lets the program run unsupervised, so a rule below it would never be asked. Remove one of the
two."

    15 NoPolicy Error "no policy in the file"
"The file holds nothing but comments and blank lines. A program without any rule may do nothing; to say so,
write its header alone."

    16 Name Error "unusable name"
"Names of emulations have letters, digits and `_`; names of templates also `-` and `.`, but no `/`: a
template is named, not located. Names of calls have no blanks and no quotes. No name has control characters."

    17 WrongKind Error "policy and template mixed up"
"A policy file holds `Policy:` sections, a template file exactly one `Template:` section. A policy takes a
template's rules with `Include: NAME`. A template includes nothing, so there are no circles."

    50 MixedOperators Warning "and, or, not mixed without parentheses"
"`and`, `or` and `not` have the same rank and group to the right: `a and b or c` is `a and (b or c)`, and
`not a and b` is `not (a and b)`. Most languages read this otherwise. Write the parentheses that you mean."

    51 ForeignErrno Warning "error that Linux does not have"
"The name is one of a BSD system's errors that Linux has no number for. As in the original on Linux, the call
fails with EPERM."

    52 AskFlag Warning "flag of ask has no effect"
"`ask` takes no flag; what stands in brackets after it is ignored."

    100 UnknownCall Error "unknown call"
"No Linux call, no call of the old systems and no alias has this name. A rule that can never apply would give
a false sense of safety, so the file is refused. `CALLS.md` lists the names."

    101 UnknownEmulation Error "unknown emulation"
"The emulations are native, netbsd, freebsd, bsdos, darwin, linux and linux64. They share one table of names:
every rule may use the names of today's Linux calls, too."

    102 UnknownTemplate Error "unknown template"
"`Include: NAME` names a template of the installation or a built-in one: linux-base, docker-default, internet-sockets."

    103 BrokenTemplate Error "template with errors"
"The included template is refused itself. Check its file alone to see all that is wrong with it."

    104 Regex Error "no regular expression"
"The text of `re` is a POSIX extended regular expression. Refused are what POSIX leaves undefined (`**`, `*`
at the start, `\\d`), back-references, and patterns that grow too large. A backslash for the pattern is
written `\\\\` in a policy: `re \"a\\\\.b\"`."

    105 TooMuch Error "too much for one file"
"The templates of a file bring at most 50 000 rules, counted each time they are included, and a file has at most
1 000 comparisons with `re`: so that a short text cannot take the memory of the machine that reads it. Split the
file by program, or write `match`."

    150 NoCounterpart Warning "call that Linux does not have"
"The name is a call of an old system that nothing on Linux corresponds to, or a hole in an old table. The rule
has no effect."

    151 UnknownArgument Warning "argument that the call does not have"
"A comparison with an argument that a call does not have never holds, not even with `neq`. Rules of an alias
know only `filename`."

    152 PlainOrder Warning "plain rule that the original tried first"
"systrace 1.6 let a plain `permit` or `deny` of a call override all of the call's other rules, wherever it
stood. Here the first rule that matches decides, as everywhere else. Put the plain rule first if you relied on
that; remove the others if they were never meant."

    153 LiteralPattern Warning "eq compares whole texts"
"`eq` and `neq` know no wildcards: `*` and `?` mean themselves. Write `match` for a pattern."

    154 Unreachable Warning "rule that never decides"
"The first rule that matches decides, and whatever this rule could match is matched by rules above it, for every
call that its name means. Move it up, or remove it. File names are compared as they stand in the policy: where the
container has a symbolic link on the way to this rule's name, the rule may yet decide about what the link leads to."

    155 UnknownIndex Warning "index that the call does not have"
"`filename[k]` is the k-th file name of a call, counted from 0. No call of this name has so many, so the
comparison never holds."

    200 NeverPrinted Warning "text that the argument never has"
"Rules compare the text of an argument, and no value has this one, so `eq`, `match` and the like never hold, and
`neq` always does. `CALLS.md` lists the texts: signals are `SIGKILL`, modes `644`, open flags `ro`, `wo` and `rw`
with the letters a, c and t behind them, addresses `inet-[127.0.0.1]:53`."

    201 WrongOperator Warning "operator that does not suit a number"
"`uid`, `gid`, `fd` and the like are numbers, and rules see their digits: `uid match \"1*\"` holds for 1, 10 and
1000000. `inpath` compares folders and suits no number at all. Compare whole numbers with `eq` and `neq`."

    202 RelativePath Warning "file name that is not absolute"
"A file name is made absolute, from the folder of the process that gives it, before rules look at it. A name that
does not start with `/` or a variable such as `$HOME` therefore never occurs."

    203 UntidyPath Warning "file name that is never written so"
"Before rules look at a file name, `.` and `..`, double slashes and the slash at the end are taken out of it. A
comparison with a name that holds one of them never holds: `match \"/tmp/\"` is not about what is in /tmp, but
`match \"/tmp\"` is."

    204 RootAlone Warning "match of the root folder alone"
"`match` holds for the name itself and for what follows it behind a slash. Behind `/` that would be a second slash,
so `match \"/\"` holds for the root folder and for nothing in it. All files are `true`."

    205 MatchesAll Warning "pattern that holds for everything"
"The pattern holds whatever the value is, so it decides nothing. If everything is meant, `true` says so to the
next reader; if not, something is missing in the pattern."

    206 LostBackslash Warning "backslash that the string takes away"
"In a string, `\\` before a character is that character, so `re \"a\\.b\"` is the pattern `a.b`, whose dot stands
for any character, and `\\t` is a `t`. A backslash for the pattern is written twice: `re \"a\\\\.b\"`."

    207 UnknownVariable Warning "variable that does not exist"
"The variables are `$HOME`, `$USER` and `$CWD`, without braces and not followed by a letter or digit. Everything
else that looks like one stands for itself. Policies of the OpenBSD ports hold names such as `${WRKDIR}`, which
the ports' own tools replace before the policy is used."

    208 MissingFileText Note "text for missing files of the original"
"systrace printed a file name that led nowhere as `<non-existent filename>`. Here such a call is judged by the name
that the file would have, and fails with ENOENT if it is permitted, so rules about this text have no effect and can
go."

    209 PermitAsRoot Warning "call permitted with the rights of root"
"`permit as root` makes the call with all rights, whoever calls. That is what it is for, such as binding a port below
1024, but each such rule should name exactly what needs the rights. Say so with `# systrace: ignore SYS209 reason`."

    210 AskUnanswered Note "question that may have no answer"
"`ask` asks whoever watches the program. A container that nobody watches gets a denial instead, and the audit record
says that nobody could be asked."

    211 MissingSibling Warning "newer call named without its siblings"
"Several calls do the same with a file: `rename`, `renameat` and `renameat2`. The name of the oldest one is the name of
all of them, while the name of a newer one leaves older ones out. A permit then denies programs that use another; a
deny lets them through where another rule permits them. Write the oldest name."

    212 WayAround Warning "call that leads around other rules"
"What this call does cannot be judged by rules, and it can do what other rules deny: io_uring opens and connects
unseen, ptrace and its kin act through other processes, mounts change what names mean, handles open files without
names. Remove the rule, or say with `# systrace: ignore SYS212 reason` why the program may."

    220 IgnoreSyntax Warning "comment for systrace not understood"
"A comment that starts with `systrace:` is `# systrace: ignore CODE reason`. CODE is one of a warning or a note; errors
cannot be ignored. It stands on the line of the finding or above it."

    221 IgnoreReason Warning "ignored without a reason"
"`# systrace: ignore CODE` needs a reason behind it, for those who read the policy later. Without one it has no effect."

    222 IgnoreUnused Warning "nothing to ignore"
"The line has no such finding, or no longer. Remove the comment, so that it hides nothing later."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_the_severity_of_textual_findings() {
        for code in Code::ALL.iter().filter(|&&code| (code as u16) < 100) {
            let warns = (*code as u16) >= 50;
            assert_eq!(code.severity() == Severity::Warning, warns, "{code}");
        }
    }

    #[test]
    fn every_code_is_explained_and_found_by_its_name() {
        for &code in Code::ALL {
            assert_eq!(Code::from_name(&code.to_string().to_lowercase()), Some(code));
            assert!(code.explanation().ends_with('.'), "{code}");
            assert!(!code.title().ends_with('.') && code.title().len() < 60, "{code}");
        }
        assert_eq!(Code::from_name("SYS000"), None);
    }
}
