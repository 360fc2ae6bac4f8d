"""The revision of the code, as git names it."""

import subprocess

from facelib.files.revision import revision


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_revision_is_gits_and_says_when_a_file_differs(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("x = 1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "Begin")
    git(tmp_path, "tag", "-a", "v1", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert revision(tmp_path) == head
    (tmp_path / "code.py").write_text("x = 2\n")
    assert revision(tmp_path) == head + "-dirty"
    installed = tmp_path / "venv" / "site-packages"
    installed.mkdir(parents=True)
    assert revision(installed) == "unknown"


def test_revision_is_unknown_without_git_or_commits(tmp_path, monkeypatch):
    git(tmp_path, "init", "-q")
    assert revision(tmp_path) == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(tmp_path) == "unknown"
