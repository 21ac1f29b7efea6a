"""Hostile archives in the place of the PTB's, and hostile names in the place of a wheel's."""

import functools
import gzip
import hashlib
import io
import random
import shutil
import tarfile
import unittest.mock
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.commands.acquire import acquire_ptb
from bench.commands.errors import guarded
from bench.drive.requests import read_request
from experiments.abuse.mutations import BYTES, ESCAPE, GIBIBYTE, HOSTILE, Mutation
from lm.data import ptb

TEXTS = {"train": b" b a \n" * 50, "valid": b" a \n", "test": b" b \n"}
SMALL = {
    split: ptb.Reference(f"ptb.{split}.txt", len(text), 3, hashlib.sha256(text).hexdigest())
    for split, text in TEXTS.items()
}
FOLDER = "simple-examples/data/"
WHEEL = "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_17_x86_64.whl"
Member = tuple[tarfile.TarInfo, bytes]


def members() -> list[Member]:
    """Returns what the whole archive holds, whose texts are of a few words."""
    return [_file(f"{FOLDER}ptb.{split}.txt", text) for split, text in TEXTS.items()]


def archive_of(held: Sequence[Member]) -> bytes:
    """Returns the archive's bytes. A member may announce another size than it has."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=1) as stream:
        for info, content in held:
            stream.write(info.tobuf(tarfile.PAX_FORMAT))
            stream.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))
        stream.write(bytes(2 * tarfile.BLOCKSIZE))
    return out.getvalue()


def _file(name: str, content: bytes, **changes: object) -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in changes.items():
        setattr(info, field, value)
    return info, content


def _with(change: Callable[[list[Member], random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def changed(_: bytes, draw: random.Random) -> bytes:
        held = members()
        change(held, draw)
        return archive_of(held)

    return changed


def _linked(held: list[Member], draw: random.Random) -> None:
    """Puts a link, a device or a folder in the place of a file."""
    kind = draw.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE))
    place = draw.randrange(len(held))
    target = draw.choice(("/etc/passwd", "../../../../etc/passwd", held[place][0].name, "/dev/zero"))
    held[place] = _file(held[place][0].name, b"", type=kind, linkname=target, devmajor=1, devminor=5)


def _elsewhere(held: list[Member], draw: random.Random) -> None:
    """Adds files that would lie outside."""
    name = draw.choice((f"../{ESCAPE}", f"/tmp/{ESCAPE}", f"{FOLDER}../../../{ESCAPE}", "x" * 5000, *HOSTILE[3:7]))
    held.insert(draw.randrange(4), _file(name.encode("utf-8", "replace").decode() or "empty", b"escaped"))


def _resized(held: list[Member], draw: random.Random) -> None:
    info, content = held[draw.randrange(len(held))]
    info.size = draw.choice((GIBIBYTE, 2**40, 2**62, len(content) + 1, 0))


def _bomb(held: list[Member], draw: random.Random) -> None:
    """Adds a gibibyte of zeros, under a name that is wanted or another."""
    name = draw.choice((f"{FOLDER}ptb.train.txt", f"{FOLDER}ptb.other.txt"))
    held.insert(0, _file(name, bytes(GIBIBYTE // draw.choice((2, 8)))))


def _repeated(held: list[Member], draw: random.Random) -> None:
    """Gives a name twice: the first counts, and has to be right."""
    info, content = draw.choice(held)
    held.insert(draw.randrange(len(held) + 1), _file(info.name, draw.choice((content, content[::-1], b""))))


def _crowded(held: list[Member], draw: random.Random) -> None:
    held[:0] = [_file(f"{number}", b"") for number in range(draw.choice((1000, 20_000)))]


def _missing(held: list[Member], draw: random.Random) -> None:
    held.pop(draw.randrange(len(held)))


def _changed_text(held: list[Member], draw: random.Random) -> None:
    place = draw.randrange(len(held))
    info, content = held[place]
    held[place] = _file(info.name, draw.choice(BYTES[:5]).change(content, draw))


def _named(name: str, data: bytes, draw: random.Random) -> bytes:
    return name.encode()


ARCHIVES = (
    *BYTES,
    Mutation("link or device", _with(_linked), refused=True),
    Mutation("outside", _with(_elsewhere)),
    Mutation("another size", _with(_resized), refused=True),
    Mutation("bomb", _with(_bomb)),
    Mutation("name twice", _with(_repeated)),
    Mutation("crowd", _with(_crowded)),
    Mutation("text changed", _with(_changed_text)),
    Mutation("file missing", _with(_missing), refused=True),
)
NAMES = (
    *BYTES,
    *(
        Mutation("name", functools.partial(_named, name))
        for name in (
            "../../tensorflow-2.21.0-py3-none-any.whl",
            "tensorflow-$(id)-py3-none-any.whl",
            "tensorflow.whl",
            "-r-2.21.0-py3-none-any.whl",
            "tensorflow_cpu-2.21.0 ; python_version<'3'-py3-none-any.whl",
            "tensorflow_cpu-2.21.0-py3-none-any.whl\n--index-url=http://example.org",
            "x" * 5000 + "-1-py3-none-any.whl",
            "tensorflow_cpu-" + "9" * 5000 + "-py3-none-any.whl",
            "tensorflow_cpu-2.21.0+\u0660-py3-none-any.whl",
            "..whl",
        )
    ),
)


def read_archive(folder: Path) -> int:
    """Gets the PTB, whose texts are of a few words, from the archive."""
    out = folder / "out" / "ptb"

    def read() -> int:
        print("\n".join(acquire_ptb(str(folder / "archive.tgz"), out)))
        return 0

    with unittest.mock.patch.dict(ptb.REFERENCES, SMALL):
        code = guarded(read)
    there = {path.name: path.read_bytes() for path in out.glob("*")}
    shutil.rmtree(out, ignore_errors=True)
    if there != ({SMALL[split].name: text for split, text in TEXTS.items()} if code == 0 else {}):
        raise AssertionError(f"the folder holds {sorted(there)}")
    return code


def read_name(folder: Path) -> str:
    """Returns what a wheel of that name is asked for."""
    name = (folder / "name.txt").read_bytes().replace(b"\0", b"").decode("utf-8", "surrogateescape")
    return repr(read_request(str(folder / name)))
