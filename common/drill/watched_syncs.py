"""A small library put before the C library's: it can slow fdatasync and fsync down, and keeps an account of them.

The account tells what a power cut at any moment would have left: each file as long as it was at its last sync.
"""

import shutil
import subprocess
from pathlib import Path

import msgspec

from common.archive.journal import decode_line
from common.core.rows.names import OPEN_SUFFIX
from common.drill.outcome import Inconclusive
from common.files import replace

_SOURCE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static void wait_a_while(void) {
    const char *name = getenv("DRILL_SYNC_DELAY");
    FILE *file = name ? fopen(name, "r") : NULL;
    double seconds = 0;
    if (!file) return;
    if (fscanf(file, "%lf", &seconds) != 1) seconds = 0;
    fclose(file);
    struct timespec rest = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&rest, NULL);
}
static int synced(int descriptor, int result) {
    const char *name = getenv("DRILL_SYNC_LOG");
    char link[64], path[4096], line[4200];
    struct stat facts;
    int kept = name ? open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (kept < 0) return result;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (result == 0 && length > 0 && fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode)) {
        path[length] = 0;
        int size = snprintf(line, sizeof line, "%lld %s\n", (long long)facts.st_size, path);
        if (write(kept, line, size) != size) abort();
    }
    close(kept);
    return result;
}
int fdatasync(int descriptor) {
    wait_a_while();
    return synced(descriptor, syscall(SYS_fdatasync, descriptor));
}
int fsync(int descriptor) {
    wait_a_while();
    return synced(descriptor, syscall(SYS_fsync, descriptor));
}
"""


class WatchedSyncs(msgspec.Struct, frozen=True):
    """The library, built; and the files that steer it and that it writes."""

    library: Path
    delay: Path
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process and its children need to use it."""
        return {
            "LD_PRELOAD": str(self.library),
            "DRILL_SYNC_DELAY": str(self.delay),
            "DRILL_SYNC_LOG": str(self.log),
        }

    def slow_down(self, seconds: float) -> None:
        """From now on each sync takes so long."""
        replace(self.delay, f"{seconds:g}".encode())

    def commits_ahead_of_data(self) -> list[str]:
        """Journal lines that were synced while an archive was not yet as long as they say, as a message."""
        lengths: dict[str, int] = {}
        wrongs: list[str] = []
        for event in self.log.read_text().splitlines():
            size, _, path = event.partition(" ")
            name = Path(path).name
            before, lengths[name] = lengths.get(name, 0), int(size)
            if name.endswith(".journal"):
                newest = Path(path).read_bytes()[before : int(size)].rstrip(b"\n").rpartition(b"\n")[2]
                line = decode_line(newest)
                for file in line.files if line is not None else ():
                    open_name = f".{file.path.rpartition('/')[2]}{OPEN_SUFFIX}"
                    if file.bytes > lengths.get(open_name, 0):
                        wrongs.append(
                            f"{name}: a line counts {file.bytes} bytes of {open_name} before their sync"
                        )
        return wrongs[:3]


def watched_syncs(folder: Path) -> WatchedSyncs:
    """Build the library in this folder. Raises Inconclusive where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Inconclusive("needs a C compiler, to watch what reaches the disk")
    source, library = folder / "syncs.c", folder / "syncs.so"
    source.write_text(_SOURCE)
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        raise Inconclusive("the C compiler cannot build a shared library here")
    made = WatchedSyncs(library, folder / "sync-delay", folder / "sync-log")
    made.slow_down(0)
    return made
