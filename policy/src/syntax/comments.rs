//! The comments and blank lines of a file, kept beside its tree so that it can be printed back.

use std::collections::HashMap;

/// What stands around the items of a file: headers, rules, includes, `detached`. An item is known by its first byte.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comments {
    before: HashMap<usize, Vec<Remark>>,
    beside: HashMap<usize, Vec<u8>>,
    end: Vec<Remark>,
}

/// One line without an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// One or more blank lines.
    Blank,
    /// A comment from its `#` on.
    Comment(Vec<u8>),
}

impl Comments {
    /// The lines above the item that starts at a byte.
    #[must_use]
    pub fn before(&self, item: usize) -> &[Remark] {
        self.before.get(&item).map_or(&[], Vec::as_slice)
    }

    /// The comment on the item's own line.
    #[must_use]
    pub fn beside(&self, item: usize) -> Option<&[u8]> {
        self.beside.get(&item).map(Vec::as_slice)
    }

    /// The lines below the last item.
    #[must_use]
    pub fn end(&self) -> &[Remark] {
        &self.end
    }

    /// Notes a line without an item; it belongs to the next item.
    pub(super) fn note(&mut self, comment: Option<&[u8]>) {
        match comment {
            Some(text) => self.end.push(Remark::Comment(text.to_vec())),
            None if self.end.last() != Some(&Remark::Blank) => self.end.push(Remark::Blank),
            None => {}
        }
    }

    /// Gives the lines noted so far, and the comment of the same line, to an item.
    pub(super) fn attach(&mut self, item: usize, beside: Option<&[u8]>) {
        if !self.end.is_empty() {
            self.before.insert(item, std::mem::take(&mut self.end));
        }
        if let Some(text) = beside {
            self.beside.insert(item, text.to_vec());
        }
    }
}
