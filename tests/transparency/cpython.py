"""Runs a module of CPython's regression tests; each test is a line `= NAME<tab>OUTCOME`."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

module = sys.argv[1]
if len(sys.argv) > 2:
    import pwd

    user = pwd.getpwnam(sys.argv[2])
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = user.pw_dir
folder = tempfile.mkdtemp()
os.chdir(folder)
report = os.path.join(folder, "report.xml")
# It talks on loopback only.
resources = ["-u", "network"] if module == "test_socketserver" else []
options = ["-v", "--timeout=240", "--tempdir", folder, "--junit-xml", report, *resources]
done = subprocess.run(
    [sys.executable, "-m", "test", *options, module],
    stdin=subprocess.DEVNULL,
)
print(f"= {module}\tstatus {done.returncode}")
if os.path.exists(report):
    for case in tree.parse(report).iter("testcase"):
        problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        outcome = "ok" if problem is None else problem.tag
        if case.get("result") == "completed" and problem is None:
            outcome = "ok"
        name = case.get("name", "?")
        print(f"= {name}\t{outcome}")
