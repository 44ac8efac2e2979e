"""Where a data set's bytes come from: the user's folder, else the cache, else the mirrors; always checked."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zlib
from pathlib import Path

from neurosim.foundation.errors import DataError
from neurosim.inputs.cards import Card, dataset_card, dataset_names
from neurosim.inputs.download import Progress, cache_folder, download, is_offline, unwritable


def read_files(card: Card, names: tuple[str, ...], progress: Progress | None = None) -> dict[str, bytes]:
    """The verified content of some of a data set's files, by name.

    Looked for in NEUROSIM_DATA (directly, in the card's sub-folders, or in its archive there), then in the
    cache, then on the mirrors. A file in NEUROSIM_DATA is never changed or deleted.

    Raises DataError: a local file with another checksum, nothing found while offline, no mirror that works.
    """
    content: dict[str, bytes] = {}
    local = _local_folders(card)
    for name in names:
        found = _local_file(card, name, card.file(name).sha256, local)
        if found is not None:
            content[name] = found
    missing = [name for name in names if name not in content]
    if missing and card.archive is not None:
        packed = _local_file(card, card.archive.name, card.archive.sha256, local)
        if packed is not None:
            content |= _members(card, packed, missing)
            missing = []
    for name in missing:
        content[name] = _cached(card, name, progress)
    return content


def data_folder() -> Path | None:
    """The user's data folder, NEUROSIM_DATA, or None; DataError when it is set but does not exist."""
    chosen = os.environ.get("NEUROSIM_DATA")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise DataError(
            "NEUROSIM_DATA", "an existing folder", repr(chosen), "correct it, or unset it to download"
        )
    return folder


def _local_folders(card: Card) -> list[Path]:
    root = data_folder()
    if root is None:
        return []
    # sub-folders first: MNIST and Fashion-MNIST use the same file names
    return [*(root / folder for folder in card.folders), root]


def _local_file(card: Card, name: str, sha256: str, folders: list[Path]) -> bytes | None:
    for folder in folders:
        path = folder / name
        if not path.is_file():
            continue
        content = _read(path)
        got = hashlib.sha256(content).hexdigest()
        if got == sha256:
            return content
        if not _is_of_another(card, name, got):
            raise DataError(
                str(path),
                f"sha256 {sha256}",
                f"{got} ({len(content)} bytes)",
                f"replace it with {card.name}'s original, or move it out of NEUROSIM_DATA to download it",
            )
    return None


def _is_of_another(card: Card, name: str, sha256: str) -> bool:
    """Whether a file is another data set's file of the same name, and so none of ours."""
    for other in dataset_names():
        if other != card.name:
            files = dataset_card(other).files
            if any(file.name == name and file.sha256 == sha256 for file in files):
                return True
    return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise DataError(str(path), "a readable file", str(problem), "check its permissions") from None


def _cached(card: Card, name: str, progress: Progress | None) -> bytes:
    folder = cache_folder() / card.name
    content = _verified(folder / name, card.file(name).sha256)
    if content is not None:
        return content
    if is_offline():
        raise _offline(card, name, folder)
    file = card.file(name)
    if card.archive is None:
        return _read(download(name, file.sha256, file.bytes, card.mirrors, folder, progress))
    archive = card.archive
    path = download(archive.name, archive.sha256, archive.bytes, card.mirrors, folder, progress)
    for member, data in _members(card, _read(path), [file.name for file in card.files]).items():
        _keep(folder / member, data)
    path.unlink()  # the unpacked files are kept in its place
    return _read(folder / name)


def _keep(path: Path, data: bytes) -> None:
    """Write a cached file whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as problem:
        part.unlink(missing_ok=True)
        raise unwritable(path.parent, problem) from None


def _verified(path: Path, sha256: str) -> bytes | None:
    """A cached file's content, or None when it is absent or damaged (the cache is ours to fetch again)."""
    if not path.is_file():
        return None
    content = _read(path)
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def _members(card: Card, packed: bytes, names: list[str]) -> dict[str, bytes]:
    """Files of the data set out of its archive's bytes, each with its own checksum verified."""
    assert card.archive is not None
    content: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
            for member in tar:
                folder, _, name = member.name.rpartition("/")
                if name in names and folder.removeprefix("./") == card.archive.folder and member.isfile():
                    stream = tar.extractfile(member)
                    content[name] = stream.read() if stream else b""
    except (tarfile.TarError, EOFError, OSError, zlib.error) as problem:
        raise DataError(card.archive.name, "a readable tar.gz", str(problem), "fetch it again") from None
    for name in names:
        got = hashlib.sha256(content.get(name, b"")).hexdigest()
        if got != card.file(name).sha256:
            raise DataError(
                f"{card.archive.name}: {name}",
                f"sha256 {card.file(name).sha256}",
                got,
                "fetch the archive again",
            )
    return content


def _offline(card: Card, name: str, folder: Path) -> DataError:
    wanted = card.archive.name if card.archive else name
    origin = " or ".join(mirror + wanted for mirror in card.mirrors)
    return DataError(
        f"{card.name}: {name}",
        "the file in NEUROSIM_DATA or in the cache",
        f"none in {os.environ.get('NEUROSIM_DATA') or 'NEUROSIM_DATA (unset)'} or {folder}, "
        "and NEUROSIM_OFFLINE forbids downloading",
        f"unset NEUROSIM_OFFLINE, or set NEUROSIM_DATA to a folder that holds {wanted} (from {origin})"
        if card.mirrors
        else f"set NEUROSIM_DATA to a folder that holds {wanted}; it cannot be downloaded ({card.note})",
    )
