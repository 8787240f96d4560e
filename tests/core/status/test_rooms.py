from common.core.status.disk_outlook import Room
from common.core.status.rooms import file_warnings, spool_warnings

MIB = 2**20


def test_the_64_mib_of_a_container_are_little_room_for_the_spool() -> None:
    [words] = spool_warnings(Room(60 * MIB, 64 * MIB), "/dev/shm/orderbooks")
    assert "the file system of /dev/shm/orderbooks has 60.0 MiB free of 64.0 MiB, about 3 min" in words
    assert "--shm-size=1g" in words
    assert "paths.run_dir" in words


def test_a_large_spool_that_others_fill_is_little_room_too() -> None:
    assert list(spool_warnings(Room(20 * MIB, 8192 * MIB), "/dev/shm/o"))
    assert not list(spool_warnings(Room(1024 * MIB, 8192 * MIB), "/dev/shm/o"))
    assert not list(spool_warnings(None, "/dev/shm/o"))


def test_files_run_out_while_bytes_are_free() -> None:
    [words] = file_warnings(Room(5000 * MIB, 8192 * MIB, free_files=12), "/data")
    assert "the file system of /data takes only 12 more files (inodes), though 4.9 GiB are free" in words
    assert not list(file_warnings(Room(5000 * MIB, 8192 * MIB, free_files=1_000_000), "/data"))
    assert not list(file_warnings(Room(5000 * MIB, 8192 * MIB), "/data")), "some count no files"
