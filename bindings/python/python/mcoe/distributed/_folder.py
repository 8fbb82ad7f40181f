"""Files of a run, in a local folder or in an object store."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyarrow import fs

from mcoe.errors import RunError, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "_lock"
"""The file that a run in a local folder holds locked."""


class Folder:
    """A folder that is named by a path or by a URI such as ``s3://bucket/folder``."""

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            if "://" in name:
                self._files, self._root = fs.FileSystem.from_uri(name)
            else:
                self._files, self._root = fs.LocalFileSystem(), os.path.abspath(name)
        except (ValueError, OSError) as error:
            raise RunError(f"`{name}` cannot be opened: {error}", "name a folder, or the URI of one") from error

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, as far as its name says."""
        return isinstance(self._files, fs.LocalFileSystem)

    @property
    def root(self) -> str:
        """The folder as programs without pyarrow name it, if it is on this machine; otherwise its URI."""
        return str(self._root) if self.is_local else self.name

    def path(self, file: str) -> str:
        """The path of a file within the file system."""
        return f"{self._root.rstrip('/')}/{file}"

    def open(self, file: str) -> Any:
        """Opens a file to read at any position."""
        return self._files.open_input_file(self.path(file))

    def size(self, file: str) -> int:
        """The size of a file in bytes.

        :raises ScenarioError: if there is no such file.
        """
        info = self._files.get_file_info(self.path(file))
        if info.type != fs.FileType.File:
            raise ScenarioError(f"cannot read `{self.name}/{file}`: there is no such file", "name a scenario's folder")
        return int(info.size)

    def exists(self, file: str) -> bool:
        """Whether there is a file."""
        return bool(self._files.get_file_info(self.path(file)).type == fs.FileType.File)

    def read(self, file: str) -> bytes:
        """The content of a file."""
        self.size(file)
        with self._files.open_input_stream(self.path(file)) as stream:
            return bytes(stream.read())

    def read_json(self, file: str) -> Any:
        """The content of a JSON file; ``None`` if there is none, or it is cut off."""
        try:
            return json.loads(self.read(file)) if self.exists(file) else None
        except ValueError:
            return None

    def write(self, file: str, content: bytes) -> None:
        """Writes a file, which others see with its whole content or not at all."""
        parent, _, _ = file.rpartition("/")
        self._files.create_dir(self.path(parent) if parent else self._root, recursive=True)
        # Object stores show a file once it is complete. Elsewhere it is written under another name first.
        target = self.path(file)
        written = f"{target}.{uuid.uuid4().hex}.tmp" if self.is_local else target
        with self._files.open_output_stream(written) as stream:
            stream.write(content)
        if written != target:
            self._files.move(written, target)

    def write_json(self, file: str, value: Any) -> None:
        """Writes a JSON file; see :meth:`write`."""
        self.write(file, json.dumps(value).encode())

    def names(self) -> set[str]:
        """The names of its files and folders."""
        selector = fs.FileSelector(self._root, allow_not_found=True)
        return {info.base_name for info in self._files.get_file_info(selector)}

    def remove_file(self, file: str) -> None:
        """Removes a file, if there is one."""
        if self.exists(file):
            self._files.delete_file(self.path(file))

    def remove(self, subfolder: str) -> None:
        """Removes a subfolder, if there is one."""
        if self._files.get_file_info(self.path(subfolder)).type == fs.FileType.Directory:
            self._files.delete_dir(self.path(subfolder))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other runs out of a local folder. The operating system lifts the lock if the process dies.

        :raises RunError: if another run uses the folder.
        """
        if not self.is_local:
            yield
            return
        import fcntl

        os.makedirs(self._root, exist_ok=True)
        with open(self.path(LOCK), "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(f"another run writes into `{self.name}`", "wait for it, or name another folder") from error
            yield
