"""Where the data store lies: a folder, or a bucket that is spoken with by S3.

A file is written whole or not at all: in a folder by rename, in a bucket because an object appears
when its last octet has come.  Which files are the store's, the manifest says.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from pyarrow import ArrowException
from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem

PART = ".part"
"""Ends the names of files that are being written."""


class PlaceUnavailable(OSError):
    """The folder or bucket cannot be used; the text says why."""


class Place:
    """Files by their path in a folder or bucket.  All methods raise `PlaceUnavailable`."""

    def __init__(self, where: str) -> None:
        """`where` is a folder, or s3://BUCKET/PREFIX with the options of pyarrow's S3 URLs
        (?endpoint_override=…&region=…); keys come from the environment, as for any S3 program, and
        one that stands in the URL is refused, as it would stand in configurations and logs."""
        if "://" in where:
            _check(urlsplit(where))
        self.where = where
        try:
            if "://" in where:
                self.filesystem, self.root = FileSystem.from_uri(where)
            else:
                self.filesystem, self.root = LocalFileSystem(), str(Path(where).absolute())
        except (ArrowException, OSError, ValueError) as error:
            raise PlaceUnavailable(f"{where}: {str(error).strip()}") from error
        self.local = isinstance(self.filesystem, LocalFileSystem)

    def path(self, name: str) -> str:
        """What the file system calls it."""
        return f"{self.root}/{name}"

    def read(self, name: str) -> bytes | None:
        """A file's octets; None where there is none."""
        try:
            with self.filesystem.open_input_stream(self.path(name)) as stream:
                octets: bytes = stream.read()
                return octets
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PlaceUnavailable(f"{self.where}: {error}") from error

    def write(self, name: str, octets: bytes) -> None:
        """A file, in the place of one of that name."""
        path = self.path(name)
        try:
            if self.local:
                self.filesystem.create_dir(path.rpartition("/")[0], recursive=True)
                self._put(path + PART, octets)
                self.filesystem.move(path + PART, path)
            else:
                self._put(path, octets)
        except (ArrowException, OSError) as error:
            raise PlaceUnavailable(f"{self.where}: {error}") from error

    def delete(self, name: str) -> None:
        """It is gone, also where it was not there."""
        try:
            self.filesystem.delete_file(self.path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise PlaceUnavailable(f"{self.where}: {error}") from error

    def names(self, folder: str) -> list[str]:
        """All files under a folder."""
        selector = FileSelector(self.path(folder), allow_not_found=True, recursive=True)
        try:
            found = self.filesystem.get_file_info(selector)
        except OSError as error:
            raise PlaceUnavailable(f"{self.where}: {error}") from error
        files = (each.path for each in found if each.type is FileType.File)
        return sorted(path.removeprefix(self.root + "/") for path in files)

    def _put(self, path: str, octets: bytes) -> None:
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(octets)


def _check(url: SplitResult) -> None:
    """Raises `PlaceUnavailable` for what would give a key away, or what is stored."""
    if "@" in url.netloc:  # whatever it is: none of it may be told
        raise PlaceUnavailable(
            f"{url.scheme}://…@…: no key stands in a bucket's URL; set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY"
        )
    options = parse_qs(url.query)
    if "http" in options.get("scheme", ()):
        for endpoint in options.get("endpoint_override", ("the bucket's",)):
            if not _is_here(endpoint):
                raise PlaceUnavailable(f"{endpoint}: without TLS only a server here is written to")


def _is_here(endpoint: str) -> bool:
    host = urlsplit(f"//{endpoint}").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
