//! What is run.

/// A script or a module of CPython's regression tests.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// How it is called in the table: for CPython's tests the module, and the user unless it is root.
    pub name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// `tests/transparency/NAME.sh`
    Script,
    /// A module, run by root.
    Module,
    /// A module, run by an ordinary user.
    ModuleOf(&'static str, &'static str),
}

impl Workload {
    const fn script(name: &'static str) -> Self {
        Self { name, kind: Kind::Script }
    }

    const fn module(name: &'static str) -> Self {
        Self { name, kind: Kind::Module }
    }

    const fn by_demo(name: &'static str, module: &'static str) -> Self {
        Self { name, kind: Kind::ModuleOf(module, "demo") }
    }

    /// What runs in the container.
    pub fn command(&self) -> impl Iterator<Item = &str> {
        let words: [&str; 4] = match self.kind {
            Kind::Script => ["bash", "/workloads/run", self.name, ""],
            Kind::Module => ["python3", "/workloads/cpython.py", self.name, ""],
            Kind::ModuleOf(module, user) => ["python3", "/workloads/cpython.py", module, user],
        };
        words.into_iter().filter(|word| !word.is_empty())
    }

    /// Its name where blanks are unwelcome.
    #[must_use]
    pub fn file_name(&self) -> String {
        self.name.replace(' ', "-")
    }

    /// The workload of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        WORKLOADS.iter().chain([&SLICE]).find(|workload| workload.name == name)
    }
}

/// Some of what the scripts below do, in little time.
const SLICE: Workload = Workload::script("slice");

/// All of them but `SLICE`, in the order of the table.
pub const WORKLOADS: &[Workload] = &[
    Workload::script("coreutils"),
    Workload::script("trees"),
    Workload::script("signals"),
    Workload::script("terminal"),
    Workload::script("daemons"),
    Workload::script("limits"),
    Workload::script("git"),
    Workload::script("packages"),
    Workload::script("build"),
    Workload::script("nginx"),
    Workload::script("redis"),
    Workload::script("postgres"),
    Workload::script("ssh"),
    Workload::script("curl-openssl"),
    Workload::script("go"),
    Workload::script("go-std"),
    Workload::script("node"),
    Workload::script("perl"),
    Workload::module("test_os"),
    Workload::by_demo("test_os as demo", "test_os"),
    Workload::module("test_posix"),
    Workload::by_demo("test_posix as demo", "test_posix"),
    Workload::module("test_stat"),
    Workload::module("test_posixpath"),
    Workload::module("test_genericpath"),
    Workload::module("test_glob"),
    Workload::module("test_fnmatch"),
    Workload::module("test_pathlib"),
    Workload::by_demo("test_pathlib as demo", "test_pathlib"),
    Workload::module("test_shutil"),
    Workload::by_demo("test_shutil as demo", "test_shutil"),
    Workload::module("test_tempfile"),
    Workload::by_demo("test_tempfile as demo", "test_tempfile"),
    Workload::module("test_fileio"),
    Workload::module("test_file"),
    Workload::module("test_io"),
    Workload::module("test_largefile"),
    Workload::module("test_mmap"),
    Workload::module("test_fcntl"),
    Workload::module("test_dbm"),
    Workload::module("test_mailbox"),
    Workload::module("test_compileall"),
    Workload::module("test_import"),
    Workload::module("test_zipfile"),
    Workload::module("test_tarfile"),
    Workload::by_demo("test_tarfile as demo", "test_tarfile"),
    Workload::module("test_venv"),
    Workload::module("test_zipimport"),
    Workload::module("test_signal"),
    Workload::module("test_eintr"),
    Workload::module("test_threading"),
    Workload::module("test_threadsignals"),
    Workload::module("test_faulthandler"),
    Workload::module("test_fork1"),
    Workload::module("test_wait3"),
    Workload::module("test_wait4"),
    Workload::module("test_subprocess"),
    Workload::module("test_popen"),
    Workload::module("test_pty"),
    Workload::module("test_openpty"),
    Workload::module("test_pwd"),
    Workload::module("test_grp"),
    Workload::module("test_resource"),
    Workload::module("test_poll"),
    Workload::module("test_select"),
    Workload::module("test_selectors"),
    Workload::module("test_epoll"),
    Workload::module("test_socket"),
    Workload::module("test_socketserver"),
    Workload::module("test_ssl"),
    Workload::module("test_asyncore"),
    Workload::module("test_asyncio"),
    Workload::module("test_httpservers"),
    Workload::module("test_httplib"),
    Workload::module("test_urllib2_localnet"),
    Workload::module("test_ftplib"),
    Workload::module("test_smtplib"),
    Workload::module("test_xmlrpc"),
    Workload::module("test_logging"),
    Workload::module("test_concurrent_futures"),
    Workload::module("test_multiprocessing_fork"),
    Workload::module("test_multiprocessing_forkserver"),
    Workload::module("test_multiprocessing_spawn"),
    Workload::module("test_multiprocessing_main_handling"),
    Workload::module("test_cmd_line"),
    Workload::module("test_cmd_line_script"),
    Workload::module("test_shelve"),
    Workload::module("test_robotparser"),
];
