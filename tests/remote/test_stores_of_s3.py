"""S3 stores whose ETag is not an MD5, and what a pass asks of a store that charges for every request."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.core.uploads.record import Proof
from tests.archive.recordings import DOWN, UP, Recorder
from tests.doubles.s3_proxy import s3_proxy
from tests.remote.stores import Store, Uploading, free_port, s3_environment, served
from tests.remote.test_uploads import names


@pytest.fixture(scope="module")
def store_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("store"), free_port()
    (folder / "bucket").mkdir()
    with served("s3", folder, port):
        yield port


@pytest.fixture
def root(tmp_path: Path) -> Path:
    recorder = Recorder(tmp_path / "d")
    recorder.open(UP, DOWN)
    recorder.messages(170)
    recorder.close_session()
    recorder.end()
    return tmp_path / "d"


def store(port: int, name: str) -> Store:
    return Store(f"S:bucket/{name}", Path("/nowhere"), s3_environment(port))


@pytest.mark.parametrize("verify", ["read_back", "remote_hash"])
def test_an_etag_that_is_not_the_md5_of_the_bytes_proves_and_refutes_nothing(
    root: Path, store_port: int, verify: Proof
) -> None:
    with s3_proxy(store_port, other_etags=True) as proxy:
        uploading = Uploading(root, store(proxy.port, f"etag-{verify}"), verify=verify)
        assert uploading.run() == ""
        assert uploading.paths("verified") == names(root)
        assert uploading.alarms == ()
        shutil.rmtree(root / "uploads")  # as if the upload had been killed before its proof
        again = Uploading(root, store(proxy.port, f"etag-{verify}"), verify=verify)
        assert again.run() == ""
        assert again.paths("verified") == names(root)
        assert again.alarms == ()
        assert "DELETE" not in proxy.asked


def test_what_a_pass_asks_for_is_what_the_page_says(root: Path, store_port: int) -> None:
    archives = len(names(root))
    with s3_proxy(store_port) as proxy:
        uploading = Uploading(root, store(proxy.port, "counted"))
        assert uploading.run() == ""
        assert proxy.asked == {"PUT": 2 * archives, "GET": 2 * archives, "HEAD": 6 * archives}
        proxy.asked.clear()
        assert uploading.run() == ""
        assert proxy.asked == {}, "where nothing waits nothing is asked"
        cleaning = Uploading(root, store(proxy.port, "counted"), clean_up=True)
        assert cleaning.run() == ""
        assert len(cleaning.paths("cleaned")) == archives
        assert proxy.asked == {"GET": 2 * archives, "HEAD": 2 * archives + 1}
    page = " ".join((Path(__file__).parents[2] / "common/uploads/README.md").read_text().split())
    assert "two PUT, two GET and six HEAD requests" in page
    assert "two GET and two HEAD" in page
