//! What every process of a container is put under before it becomes the workload.

use crate::confinement::Confinement;
use crate::filter::Filter;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A filter, and the Landlock ruleset that it counts on.
#[derive(Debug)]
pub struct Walls {
    /// The filter.
    pub filter: Filter,
    /// The ruleset; none: the filter counts on none.
    pub ruleset: Option<OwnedFd>,
}

/// The walls of one container. Which they are is told once, before its first process asks.
#[derive(Debug, Clone)]
pub struct Choice {
    walls: Arc<Walls>,
    fenced: Option<Filter>,
    unfenced: Option<String>,
}

impl Choice {
    /// As long as nothing is told, those that stand in every container.
    #[must_use]
    pub fn of(confinement: &Confinement) -> Self {
        let walls = Walls { filter: confinement.filter.clone(), ruleset: None };
        let fenced = confinement.fence.as_ref().map(|fence| fence.filter.clone());
        Self { walls: Arc::new(walls), fenced, unfenced: None }
    }

    /// As it is when the container begins: nothing can be told any more.
    #[must_use]
    pub fn made(&self) -> Self {
        Self { fenced: None, ..self.clone() }
    }

    /// The walls.
    #[must_use]
    pub fn walls(&self) -> Arc<Walls> {
        Arc::clone(&self.walls)
    }

    /// Why the cheaper walls are not used.
    #[must_use]
    pub fn unfenced(&self) -> Option<&str> {
        self.unfenced.as_deref()
    }

    /// The ruleset of the cheaper walls is there; false if there are none, or if it was told before.
    #[must_use]
    pub(super) fn fence(&mut self, ruleset: OwnedFd) -> bool {
        let Some(filter) = self.fenced.take() else { return false };
        self.walls = Arc::new(Walls { filter, ruleset: Some(ruleset) });
        true
    }

    /// The cheaper walls cannot be used; false as above.
    #[must_use]
    pub(super) fn leave_unfenced(&mut self, reason: String) -> bool {
        let told = self.fenced.take().is_some();
        if told {
            self.unfenced = Some(reason);
        }
        told
    }
}
