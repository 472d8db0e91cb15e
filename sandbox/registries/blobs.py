"""Blobs on disk, named by their digest, and the uploads that become blobs."""

import hashlib
import shutil
import threading
import uuid
from pathlib import Path


class Upload:
    """Bytes on their way to becoming a blob: appended to a file and hashed as they come."""

    def __init__(self, path: Path) -> None:
        self.id = str(uuid.uuid4())
        self.size = 0
        self.requests = 0
        self._path = path / self.id
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Digest of what has arrived so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def finish(self, blob: Path) -> None:
        """Become the blob at a path."""
        self._file.close()
        self._path.replace(blob)

    def discard(self) -> None:
        """Drop the bytes."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class BlobStore:
    """Blobs of all repositories of one registry; a repository only knows which of them it holds."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._empty()

    def _empty(self) -> None:
        """Start with nothing, whatever an earlier run left: what repositories hold is not on disk."""
        shutil.rmtree(self._root, ignore_errors=True)
        for folder in ("blobs", "uploads"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """File of a blob, present or not."""
        return self._root / "blobs" / digest.replace(":", "-")

    def size(self, digest: str) -> int:
        """Size in bytes of a blob that is present."""
        return self.path(digest).stat().st_size

    def read(self, digest: str) -> bytes:
        """Content of a small blob, such as an image's config."""
        return self.path(digest).read_bytes()

    def add(self, content: bytes) -> str:
        """Store a small blob; gives its digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.path(digest).write_bytes(content)
        return digest

    def begin(self) -> Upload:
        """Open an upload."""
        upload = Upload(self._root / "uploads")
        with self._lock:
            self._uploads[upload.id] = upload
        return upload

    def upload(self, upload_id: str) -> Upload | None:
        """An open upload."""
        with self._lock:
            return self._uploads.get(upload_id)

    def commit(self, upload: Upload) -> str:
        """Make an upload a blob; gives its digest."""
        digest = upload.digest
        with self._lock:
            self._uploads.pop(upload.id, None)
        upload.finish(self.path(digest))
        return digest

    def abandon(self, upload: Upload) -> None:
        """Drop an upload."""
        with self._lock:
            self._uploads.pop(upload.id, None)
        upload.discard()

    def reset(self) -> None:
        """Drop everything."""
        with self._lock:
            uploads = list(self._uploads.values())
            self._uploads.clear()
        for upload in uploads:
            upload.discard()
        self._empty()
