//! Writes a [`Filter`] as a BPF program.
//!
//! The program first refuses foreign conventions, then finds the call's number by binary search
//! over ranges that share one fate, and looks at arguments last. So a call that is always allowed
//! is allowed without loading an argument, which is what the kernel's cache of constant answers
//! asks for (`seccomp_is_const_allow`, kernel/seccomp.c).

use std::collections::HashMap;

use crate::bpf::{BuildError, Builder, Comparison, Field, Label, Program, SeccompData};
use crate::seccomp::filter::{Action, Clause, Filter, RegisterTest, Relation};

/// Why a filter has no program.
pub type AssembleError = BuildError;

/// The program that decides as `filter.decide` does.
///
/// # Errors
/// The program is longer than the kernel takes.
pub fn assemble(filter: &Filter) -> Result<Program, AssembleError> {
    let mut builder = Builder::default();
    let ranges = ranges(filter, &mut builder);
    let search = search(&mut builder, &ranges);
    let foreign = builder.ret(Filter::FOREIGN.value());
    let entry = builder.branch(Comparison::GreaterOrEqual, Filter::X32, [foreign, search]);
    let number = builder.load(Field::Number, u32::MAX, entry);
    let native = builder.branch(Comparison::Equal, SeccompData::X86_64, [number, foreign]);
    let entry = builder.load(Field::Architecture, u32::MAX, native);
    builder.finish(entry)
}

/// Call numbers from `first` up to the next range's first.
struct Range {
    first: u32,
    fate: Fate,
}

/// Where the way of a call leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Constant(Action),
    Arguments(Label),
}

/// Every number's fate in ascending order; neighbours with the same fate are one range.
fn ranges(filter: &Filter, builder: &mut Builder) -> Vec<Range> {
    let mut starts = vec![(0, Fate::Constant(filter.default))];
    let mut written = HashMap::new();
    for (number, clauses) in &filter.calls {
        // Calls with the same arguments and rules share their code.
        let fate = written.entry(clauses).or_insert_with(|| call(clauses, filter.default, builder));
        starts.push((number.0, *fate));
        starts.push((number.0 + 1, Fate::Constant(filter.default)));
    }
    if let Some(newer) = filter.newer {
        starts.retain(|(first, _)| *first <= newer.than.0);
        starts.push((newer.than.0 + 1, Fate::Constant(newer.action)));
    }
    let mut ranges: Vec<Range> = Vec::with_capacity(starts.len());
    for (first, fate) in starts {
        // A later entry for the same number replaces the gap that was assumed after its
        // predecessor.
        ranges.pop_if(|last| last.first == first);
        if ranges.last().is_none_or(|last| last.fate != fate) {
            ranges.push(Range { first, fate });
        }
    }
    ranges
}

/// Binary search by number, which is in the accumulator.
fn search(builder: &mut Builder, ranges: &[Range]) -> Label {
    if let [only] = ranges {
        return match only.fate {
            Fate::Constant(action) => builder.ret(action.value()),
            Fate::Arguments(label) => label,
        };
    }
    let (lower, upper) = ranges.split_at(ranges.len() / 2);
    let above = search(builder, upper);
    let below = search(builder, lower);
    builder.branch(Comparison::GreaterOrEqual, upper[0].first, [above, below])
}

/// The clauses of one call; no code if they all come to the same.
fn call(clauses: &[Clause], default: Action, builder: &mut Builder) -> Fate {
    let end = clauses.iter().position(|clause| clause.tests.is_empty());
    let last = end.map_or(default, |end| clauses[end].action);
    let clauses = &clauses[..end.unwrap_or(clauses.len())];
    if clauses.iter().all(|clause| clause.action == last) {
        return Fate::Constant(last);
    }
    let mut next = builder.ret(last.value());
    for clause in clauses.iter().rev() {
        let mut way = builder.ret(clause.action.value());
        for test in clause.tests.iter().rev() {
            way = compare(builder, test, [way, next]);
        }
        next = way;
    }
    Fate::Arguments(next)
}

/// One comparison of a register.
fn compare(builder: &mut Builder, test: &RegisterTest, [holds, fails]: [Label; 2]) -> Label {
    let (either, or) = ([holds, fails], [fails, holds]);
    match test.relation() {
        Relation::Equal => equal(builder, test, either),
        Relation::NotEqual => equal(builder, test, or),
        Relation::Greater => order(builder, test, Comparison::Greater, either),
        Relation::LessOrEqual => order(builder, test, Comparison::Greater, or),
        Relation::GreaterOrEqual => order(builder, test, Comparison::GreaterOrEqual, either),
        Relation::Less => order(builder, test, Comparison::GreaterOrEqual, or),
    }
}

/// Both halves are equal.
fn equal(builder: &mut Builder, test: &RegisterTest, [holds, fails]: [Label; 2]) -> Label {
    let low = Half::low(test).compare(builder, Comparison::Equal, [holds, fails]);
    Half::high(test).compare(builder, Comparison::Equal, [low, fails])
}

/// The upper half decides unless it is equal.
fn order(
    builder: &mut Builder,
    test: &RegisterTest,
    comparison: Comparison,
    [holds, fails]: [Label; 2],
) -> Label {
    let low = Half::low(test).compare(builder, comparison, [holds, fails]);
    let high = Half::high(test);
    if high.mask == 0 {
        return if high.value == 0 { low } else { fails };
    }
    let tie = builder.branch(Comparison::Equal, high.value, [low, fails]);
    let greater = builder.branch(Comparison::Greater, high.value, [holds, tie]);
    builder.load(high.field, high.mask, greater)
}

/// Half a test: BPF computes with 32 bits.
struct Half {
    field: Field,
    mask: u32,
    value: u32,
}

impl Half {
    fn low(test: &RegisterTest) -> Self {
        let field = Field::Low(test.argument());
        Self { field, mask: test.mask() as u32, value: test.value() as u32 }
    }

    fn high(test: &RegisterTest) -> Self {
        let field = Field::High(test.argument());
        let [mask, value] = [test.mask(), test.value()].map(|whole| (whole >> 32) as u32);
        Self { field, mask, value }
    }

    /// A half of which no bit counts is zero and needs no code.
    fn compare(&self, builder: &mut Builder, comparison: Comparison, ways: [Label; 2]) -> Label {
        if self.mask == 0 {
            let [holds, fails] = ways;
            return if comparison.holds(0, self.value) { holds } else { fails };
        }
        let branch = builder.branch(comparison, self.value, ways);
        builder.load(self.field, self.mask, branch)
    }
}

#[cfg(test)]
mod tests {
    use policy::registry::SyscallNumber;
    use proptest::prelude::*;

    use super::*;
    use crate::bpf::interpret;
    use crate::seccomp::filter::Newer;

    fn relation() -> impl Strategy<Value = Relation> {
        use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
    }

    /// Numbers that meet each other often, in either half.
    fn word() -> impl Strategy<Value = u64> {
        let half = prop::sample::select(vec![0_u64, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]);
        (half.clone(), half).prop_map(|(high, low)| high << 32 | low)
    }

    fn test() -> impl Strategy<Value = RegisterTest> {
        let mask = prop_oneof![Just(u64::MAX), Just(RegisterTest::INT), word()];
        (0..6_u8, mask, relation(), word()).prop_map(|(argument, mask, relation, value)| {
            RegisterTest::new(argument, mask, relation, value).expect("one of six arguments")
        })
    }

    fn action() -> impl Strategy<Value = Action> {
        prop::sample::select(vec![
            Action::Allow,
            Action::Errno(1),
            Action::Errno(13),
            Action::Notify,
            Action::KillProcess,
        ])
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let clause = (prop::collection::vec(test(), 0..4), action())
            .prop_map(|(tests, action)| Clause { tests, action });
        let call = (0..40_u32, prop::collection::vec(clause, 0..4));
        let newer = prop::option::of((0..40_u32, action()));
        (action(), newer, prop::collection::vec(call, 0..30)).prop_map(|(default, newer, calls)| {
            Filter {
                default,
                newer: newer.map(|(than, action)| Newer { than: SyscallNumber(than), action }),
                calls: calls.into_iter().map(|(n, clauses)| (SyscallNumber(n), clauses)).collect(),
            }
        })
    }

    fn data() -> impl Strategy<Value = SeccompData> {
        let number = prop_oneof![
            8 => 0..42_u32,
            1 => prop::sample::select(vec![Filter::X32, Filter::X32 | 3, u32::MAX, 0x3fff_ffff])
        ];
        let architecture =
            prop_oneof![9 => Just(SeccompData::X86_64), 1 => Just(SeccompData::I386)];
        (number, architecture, prop::array::uniform6(word())).prop_map(
            |(number, architecture, arguments)| SeccompData { number, architecture, arguments },
        )
    }

    proptest! {
        #[test]
        fn the_program_decides_as_the_filter(
            filter in filter(),
            calls in prop::collection::vec(data(), 64),
        ) {
            let program = assemble(&filter).expect("small filters fit");
            for call in calls {
                prop_assert_eq!(interpret(&program, &call), Ok(filter.decide(&call).value()));
            }
        }
    }

    /// What `seccomp_is_const_allow` does: it gives up at the first load of an argument.
    fn is_constant(program: &Program, number: u32) -> bool {
        let (mut arguments, mut at, mut accumulator) = (false, 0, 0);
        loop {
            let instruction = program.instructions()[at];
            at += 1;
            match instruction {
                crate::bpf::Instruction::Load(Field::Number) => accumulator = number,
                crate::bpf::Instruction::Load(Field::Architecture) => {
                    accumulator = SeccompData::X86_64;
                }
                crate::bpf::Instruction::Load(_) => arguments = true,
                crate::bpf::Instruction::And(mask) => accumulator &= mask,
                crate::bpf::Instruction::Branch { comparison, operand, holds, fails } => {
                    let taken = comparison.holds(accumulator, operand);
                    at += usize::from(if taken { holds } else { fails });
                }
                crate::bpf::Instruction::Jump(distance) => at += distance as usize,
                crate::bpf::Instruction::Return(_) => return !arguments,
            }
        }
    }

    #[test]
    fn constant_answers_load_no_argument() {
        let mut filter = Filter::new(Action::Errno(1));
        let test = RegisterTest::new(0, u64::MAX, Relation::Equal, 7).expect("argument 0");
        for number in 0..300 {
            let clause = Clause { tests: vec![test], action: Action::Allow };
            let clauses = match number % 3 {
                0 => vec![Clause::always(Action::Allow)],
                1 => vec![clause.clone(), Clause::always(Action::Allow)],
                _ => vec![clause],
            };
            filter.calls.insert(SyscallNumber(number), clauses);
        }
        let program = assemble(&filter).expect("300 calls fit");
        for number in 0..300 {
            assert_eq!(is_constant(&program, number), number % 3 != 2, "{number}");
        }
    }

    #[test]
    fn equal_neighbours_share_a_range() {
        let mut filter = Filter::new(Action::Errno(1));
        for number in 0..400 {
            filter.calls.insert(SyscallNumber(number), vec![Clause::always(Action::Allow)]);
        }
        let program = assemble(&filter).expect("one range");
        // Load and test of architecture and number, one test of the range, three returns.
        assert_eq!(program.instructions().len(), 8);
    }

    #[test]
    fn a_filter_that_is_too_long_names_its_size() {
        let mut filter = Filter::new(Action::Errno(1));
        let clauses = (0..2000).map(|value| Clause {
            tests: vec![RegisterTest::new(1, u64::MAX, Relation::Equal, value).expect("argument")],
            action: Action::Allow,
        });
        filter.calls.insert(SyscallNumber(2), clauses.collect());
        let error = assemble(&filter).expect_err("four instructions for each clause");
        let AssembleError::TooLong { size } = error;
        assert!(size > 8000, "{size}");
        assert!(error.to_string().contains(&size.to_string()));
    }
}
