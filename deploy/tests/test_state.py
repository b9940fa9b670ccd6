"""Where data lies, who may start, what is remembered of a first start."""

import json
import stat

import pytest

from onenet import state
from onenet.failures import AlreadyRunning, DiskFull, Unusable


@pytest.fixture
def told():
    return []


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    folder = tmp_path / "var-tmp"
    folder.mkdir()
    monkeypatch.setattr(state, "ELSEWHERE", folder)
    return folder


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "work" / ".onenet"


def never(place):
    return False


def only_elsewhere(folder):
    return lambda place: place != folder


class TestPlace:
    def test_data_lies_in_the_folder_where_it_can(self, folder, told):
        home = state.open_home(folder, lambda _: True, told.append)
        assert home.place == folder
        assert told == []
        assert not (folder / "location").exists()

    def test_data_lies_elsewhere_where_it_cannot_and_says_so(self, folder, told, elsewhere):
        home = state.open_home(folder, only_elsewhere(folder), told.append)
        assert home.place.parent == elsewhere
        assert (folder / "location").read_text().strip() == str(home.place)
        assert stat.S_IMODE(home.place.stat().st_mode) == 0o711
        assert len(told) == 1

    def test_the_second_start_follows_the_location_silently(self, folder, told):
        first = state.open_home(folder, only_elsewhere(folder), told.append)
        told.clear()
        assert state.open_home(folder, never, told.append) == first
        assert told == []

    def test_a_place_that_is_gone_is_made_anew_with_a_sentence(self, folder, told):
        home = state.open_home(folder, only_elsewhere(folder), told.append)
        home.samples.write_text("{}")
        home.place.rmdir()
        told.clear()
        again = state.open_home(folder, never, told.append)
        assert again.place.is_dir()
        assert not again.samples.exists()
        assert "gone" in told[0]

    def test_two_folders_never_share_a_place(self, tmp_path):
        assert state.elsewhere(tmp_path / "a") != state.elsewhere(tmp_path / "b")
        assert state.elsewhere(tmp_path / "a") == state.elsewhere(tmp_path / "a")

    def test_data_that_lies_in_the_folder_already_stays(self, folder, told):
        folder.mkdir(parents=True)
        (folder / "secrets.json").write_text("{}")
        assert state.open_home(folder, never, told.append).place == folder

    def test_nowhere_to_go_is_one_sentence(self, folder, told):
        with pytest.raises(Unusable, match="can hold a database"):
            state.open_home(folder, never, told.append)

    def test_a_place_somebody_else_put_there_is_refused(self, folder, told, elsewhere, tmp_path):
        target = tmp_path / "trap"
        target.mkdir()
        state.elsewhere(folder).symlink_to(target)
        with pytest.raises(Unusable, match="somebody else"):
            state.open_home(folder, only_elsewhere(folder), told.append)

    @pytest.mark.parametrize("content", ["", "relative/folder"])
    def test_a_location_that_names_no_folder_is_refused(self, folder, told, content):
        folder.mkdir(parents=True)
        (folder / "location").write_text(content)
        with pytest.raises(Unusable, match="make reset"):
            state.open_home(folder, lambda _: True, told.append)

    def test_a_folder_that_cannot_be_made_is_one_sentence(self, tmp_path, told):
        (tmp_path / "file").write_text("")
        with pytest.raises(Unusable, match="cannot be written"):
            state.open_home(tmp_path / "file" / ".onenet", lambda _: True, told.append)


class TestSpace:
    def test_a_full_disk_is_told_before_anything_is_made(self, folder, told, monkeypatch):
        home = state.open_home(folder, lambda _: True, told.append)
        monkeypatch.setattr(state, "FIRST_START_BYTES", 2**62)
        with pytest.raises(DiskFull, match="MiB left"):
            state.ensure_space(home)

    def test_a_later_start_needs_less(self, folder, told, monkeypatch):
        home = state.open_home(folder, lambda _: True, told.append)
        monkeypatch.setattr(state, "FIRST_START_BYTES", 2**62)
        home.samples.write_text("{}")
        state.ensure_space(home)


class TestLock:
    def test_a_second_launcher_is_refused_and_told_of_the_first(self, folder):
        with state.only_one(folder) as sign:
            sign("process 7, http://127.0.0.1:8080")
            with pytest.raises(AlreadyRunning, match="process 7"), state.only_one(folder):
                pass

    def test_the_lock_is_free_afterwards(self, folder):
        with state.only_one(folder):
            pass
        with state.only_one(folder):
            pass


class TestForget:
    def test_forgets_folder_and_place(self, folder, told):
        home = state.open_home(folder, only_elsewhere(folder), told.append)
        assert set(state.forget(folder)) == {home.place, folder}
        assert not home.place.exists()
        assert not folder.exists()

    def test_there_may_be_nothing(self, folder):
        assert state.forget(folder) == []

    def test_refuses_while_it_runs(self, folder, told):
        state.open_home(folder, lambda _: True, told.append)
        with state.only_one(folder), pytest.raises(AlreadyRunning):
            state.forget(folder)
        assert folder.exists()

    def test_never_removes_a_folder_no_start_has_chosen(self, folder, tmp_path):
        precious = tmp_path / "precious"
        precious.mkdir()
        folder.mkdir(parents=True)
        (folder / "location").write_text(str(precious))
        with pytest.raises(Unusable):
            state.forget(folder)
        assert precious.exists()


class TestFiles:
    def test_a_file_is_written_whole_and_private(self, tmp_path):
        path = tmp_path / "one.json"
        state.write_json(path, {"名": 1})
        assert json.loads(path.read_text()) == {"名": 1}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.with_name("one.json.new").exists()

    def test_a_missing_file_is_none(self, tmp_path):
        assert state.read_json(tmp_path / "none.json") is None

    def test_a_damaged_file_is_one_sentence(self, tmp_path):
        (tmp_path / "one.json").write_text('{"half')
        with pytest.raises(Unusable, match="damaged"):
            state.read_json(tmp_path / "one.json")


class TestStages:
    def test_a_stage_is_done_once_marked(self, tmp_path):
        stages = state.Stages(tmp_path / "stages.json")
        assert not stages.done("regions")
        stages.mark("regions")
        stages.mark("regions")
        assert stages.done("regions")
        assert not stages.done("staff")
        assert json.loads(stages.path.read_text()) == ["regions"]
