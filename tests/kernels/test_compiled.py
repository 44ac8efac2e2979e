"""C kernels on first use: cached by what they depend on, and replaced by Numba where they cannot be had."""

import ctypes
import stat
import subprocess

import pytest

from neurosim.kernels import compiled


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty cache, and nothing remembered."""
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    compiled.library.cache_clear()
    compiled._version.cache_clear()
    yield tmp_path / "kernels"
    compiled.library.cache_clear()
    compiled._version.cache_clear()


def needs_compiler():
    if compiled.c_compiler() is None:
        pytest.skip("no C compiler")


def test_a_library_is_compiled_once_and_found_again(fresh, monkeypatch):
    needs_compiler()
    assert isinstance(compiled.library("spikes"), ctypes.CDLL)
    (built,) = fresh.iterdir()  # nothing temporary is left beside it
    before = built.stat().st_mtime_ns
    compiled.library.cache_clear()
    monkeypatch.setattr(compiled, "_compile", lambda *_: pytest.fail("compiled again"))
    assert compiled.library("spikes") is not None
    assert built.stat().st_mtime_ns == before
    assert compiled.description("spikes").startswith("C (")


def test_another_processor_or_other_flags_have_a_library_of_their_own(fresh, monkeypatch):
    needs_compiler()
    monkeypatch.setattr(compiled, "FLAGS", ("-O0", "-shared", "-fPIC"))  # quickly
    compiled.library("spikes")
    monkeypatch.setattr(compiled, "_processor", lambda: "another one")
    compiled.library.cache_clear()
    compiled.library("spikes")
    monkeypatch.setattr(compiled, "FLAGS", (*compiled.FLAGS, "-g0"))
    compiled.library.cache_clear()
    compiled.library("spikes")
    assert len(list(fresh.iterdir())) == 3


def test_without_a_compiler_there_is_none(fresh, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert compiled.library("spikes") is None
    assert compiled.description("spikes") == "Numba"


def test_the_environment_can_keep_to_numba(fresh, monkeypatch):
    monkeypatch.setenv("NEUROSIM_COMPILED", "0")
    assert compiled.library("spikes") is None
    assert not fresh.exists()


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho fake 1.0\n", "not a program\n"])
def test_a_compiler_that_fails_is_as_good_as_none(fresh, tmp_path, monkeypatch, script):
    broken = tmp_path / "gcc"
    broken.write_text(script)
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("CC", raising=False)
    assert compiled.library("spikes") is None


def test_a_cache_that_cannot_be_written_is_no_failure(fresh, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "file"))
    assert compiled.library("spikes") is None


def test_the_source_compiles_without_warnings_on_any_processor(tmp_path):
    needs_compiler()
    source = compiled.Path(compiled.__file__).with_name("spikes.c")
    plain = [flag for flag in compiled.FLAGS if flag != "-march=native"]
    command = [
        compiled.c_compiler(),
        *plain,
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        str(tmp_path / "x.so"),
        str(source),
    ]
    subprocess.run(command, check=True)
