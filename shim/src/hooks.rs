//! The engine's hooks, told what the runtime specification says: libcontainer, which works on our private bundle, would
//! name that to them, and not say where a container is whose process is only being made.
//!
//! Those before the container is complete can be run by libcontainer only; a wrapper, this program itself, corrects what
//! they are told. startContainer and poststop hooks we run ourselves.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use libcontainer::container::{ContainerStatus, State};
use libcontainer::hooks::{HookError, run_hooks};
use oci_spec::OciSpecError;
use oci_spec::runtime::{Hook, HookBuilder, Spec};

/// The name of the wrapper's sub-command.
pub const WRAPPER: &str = "run-hook";

/// The hooks cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    #[error("cannot find this program's own file")]
    Program(#[source] std::io::Error),
    #[error("cannot describe a hook")]
    Describe(#[from] OciSpecError),
}

/// Leaves to libcontainer what it runs for us, in the wrapper.
pub fn wrap(spec: &mut Spec, bundle: &Path, rootfs: &Path) -> Result<(), HooksError> {
    let Some(mut hooks) = spec.hooks().clone() else { return Ok(()) };
    let program = std::env::current_exe().map_err(HooksError::Program)?;
    let wrapped = |list: &Option<Vec<Hook>>, folder: &Path| -> Result<_, HooksError> {
        let hooks = list.iter().flatten();
        hooks.map(|hook| wrapped(hook, &program, (bundle, folder))).collect::<Result<Vec<_>, _>>()
    };
    #[allow(deprecated)] // Docker's network still depends on it.
    let prestart = wrapped(hooks.prestart(), bundle)?;
    let create_runtime = wrapped(hooks.create_runtime(), bundle)?;
    // runc runs these in the root file system that is about to be entered.
    let create_container = wrapped(hooks.create_container(), rootfs)?;
    #[allow(deprecated)]
    hooks.set_prestart(Some(prestart));
    hooks
        .set_create_runtime(Some(create_runtime))
        .set_create_container(Some(create_container))
        .set_start_container(None)
        .set_poststop(None);
    spec.set_hooks(Some(hooks));
    Ok(())
}

fn wrapped(
    hook: &Hook,
    program: &Path,
    (bundle, folder): (&Path, &Path),
) -> Result<Hook, HooksError> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let own = hook.args().clone().unwrap_or_else(|| vec![text(hook.path())]);
    // An empty configuration: a hook must not depend on ours.
    let before = ["systrace-shim", "--config=/dev/null", WRAPPER].map(str::to_owned);
    let places = [text(bundle), text(folder), text(hook.path())];
    let args: Vec<_> = before.into_iter().chain(places).chain(own).collect();
    let mut builder = HookBuilder::default().path(program).args(args);
    // Without variables a hook has none, ours included.
    builder = builder.env(hook.env().clone().unwrap_or_default());
    if let Some(timeout) = hook.timeout() {
        builder = builder.timeout(timeout);
    }
    Ok(builder.build()?)
}

/// The startContainer hooks of a container, and what they are told.
#[derive(Debug)]
pub struct StartHooks {
    hooks: Vec<Hook>,
    state: State,
}

impl StartHooks {
    pub fn of(spec: &Spec, id: &str, bundle: PathBuf) -> Self {
        let hooks = spec.hooks().as_ref().and_then(|hooks| hooks.start_container().clone());
        let mut state = State::new(id, ContainerStatus::Created, None, bundle);
        state.annotations = spec.annotations().clone();
        Self { hooks: hooks.unwrap_or_default(), state }
    }

    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }

    /// Runs them in the container, with its variables, and tells them of its first process.
    pub fn run(&self, first: u32) -> Result<(), HookError> {
        let variables: HashMap<_, _> = std::env::vars().collect();
        let mut state = self.state.clone();
        state.pid = Some(first as i32);
        run_hooks(Some(&self.hooks), Some(&state), None, None, Some(&variables))
    }
}

/// Runs the poststop hooks. One that fails is told of, and the others run all the same (runtime specification, life cycle).
pub fn after_stop(spec: &Spec, mut state: State) {
    state.status = ContainerStatus::Stopped;
    state.pid = None;
    let hooks = spec.hooks().as_ref().and_then(|hooks| hooks.poststop().as_ref());
    for hook in hooks.into_iter().flatten() {
        if let Err(error) = run_hooks(Some(&vec![hook.clone()]), Some(&state), None, None, None) {
            eprintln!("systrace-shim: poststop hook {}: {error}", hook.path().display());
        }
    }
}
