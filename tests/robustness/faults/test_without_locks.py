"""A system that knows no ``fcntl``, no owners of files and moves no open file, as Windows: the store works
there, without the sweeping of leftovers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

AS_ELSEWHERE = """
import os, sys
from pathlib import Path
sys.modules["fcntl"] = None
for name in ("geteuid", "getuid", "O_NOFOLLOW", "O_NONBLOCK"):
    delattr(os, name)
def refuse_open(name):
    real = getattr(os, name)
    def changed(path, *rest, **more):
        told = os.path.abspath(path)
        held = []
        for one in os.listdir("/proc/self/fd"):
            try:
                held.append(os.readlink(f"/proc/self/fd/{one}"))
            except OSError:
                pass
        if any(one == told or one.startswith(told + "/") for one in held if "sqlite3" not in one):
            raise PermissionError(13, "the file is open", str(path))
        return real(path, *rest, **more)
    setattr(os, name, changed)
for name in ("rename", "replace", "unlink", "remove"):
    refuse_open(name)

from magic_demo.__main__ import main
from magic_demo.synthetic.bundled import load_examples
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.kept_cases import keep_example, keep_upload
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.core.disk.parts import CLAIM
from magic_demo.reviews.store import Store
from magic_demo.core.disk.whole_files import whole_folder, write_whole

place = Path(sys.argv[1])
write_whole(place / "text", "a")
with whole_folder(place / "folder") as part:
    write_whole(part / "b", "c")
with Store.open(place / "store") as store:
    kept = [keep_upload(store, load_examples()[0].encounter, "local") for _ in range(2)]
    assert delete_cases(store, [kept[0].key]).folders == 1
    assert sweep_store(store) == ()
assert main(["backup", str(place / "backup.zip"), "--store", str(place / "store")]) == 0
assert main(["restore", str(place / "backup.zip"), "--store", str(place / "again")]) == 0
with Store.open(place / "again") as store:
    assert store.case_keys() == [kept[1].key]
print(sorted(path.name for path in place.rglob("*") if path.name.endswith(".part") and path.name != CLAIM))
"""


def test_the_store_keeps_deletes_backs_up_and_restores_where_no_file_can_be_locked_or_moved_while_it_is_open(
    tmp_path: Path,
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", AS_ELSEWHERE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.splitlines()[-1] == "[]", (
        "what was finished leaves no parts but the claims of a restore, which the next deletion ends"
    )
