"""What is unpacked from a backup, and what is not."""

import io
import stat
import tarfile

import pytest

from onenet.backups import unpack
from onenet.failures import Unusable


def packed(tmp_path, *members):
    path = tmp_path / "some.tar"
    with tarfile.open(path, "x") as archive:
        for name, kind, mode in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.mtime = kind, mode, 12345, 1_700_000_000
            member.size = 5 if kind == tarfile.REGTYPE else 0
            member.linkname = "/etc/passwd"
            archive.addfile(member, io.BytesIO(b"hello") if member.size else None)
    return path


def test_files_and_folders_come_back_with_their_age_and_without_their_owner(tmp_path):
    into = tmp_path / "new"
    unpack(
        packed(
            tmp_path,
            ("files", tarfile.DIRTYPE, 0o700),
            ("files/one", tarfile.REGTYPE, 0o600),
            ("files/deep/two", tarfile.REGTYPE, 0o666),
        ),
        into,
    )
    one, two = into / "files/one", into / "files/deep/two"
    assert one.read_bytes() == two.read_bytes() == b"hello"
    assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert stat.S_IMODE(two.stat().st_mode) == 0o644
    assert one.stat().st_mtime == 1_700_000_000
    assert one.stat().st_uid == tmp_path.stat().st_uid


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside", tarfile.REGTYPE),
        ("files/../../outside", tarfile.REGTYPE),
        ("/var/tmp/onenet-outside", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("link", tarfile.LNKTYPE),
        ("pipe", tarfile.FIFOTYPE),
        ("device", tarfile.CHRTYPE),
    ],
)
def test_nothing_leaves_the_folder_and_nothing_is_a_link(tmp_path, name, kind):
    into = tmp_path / "new"
    into.mkdir()
    with pytest.raises(Unusable):
        unpack(packed(tmp_path, (name, kind, 0o644)), into)
    assert not list(into.iterdir())
    assert not (tmp_path / "outside").exists()
