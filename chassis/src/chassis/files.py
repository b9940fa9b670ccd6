"""Object storage for uploads: a local folder or S3 behind one small surface (obstore)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class FileStore:
    """Keys are plain relative paths such as `2026/11/0190….bin`; contents are opaque bytes."""

    store: ObjectStore

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Store the stream under `key`; an interrupted stream leaves nothing behind."""
        async with obstore.open_writer_async(self.store, key) as writer:
            async for chunk in chunks:
                await writer.write(chunk)

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """The content in chunks; raises FileNotFoundError at the first chunk when missing."""
        found = await obstore.get_async(self.store, key)
        async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)

    async def delete(self, key: str) -> None:
        await obstore.delete_async(self.store, key)

    async def exists(self, key: str) -> bool:
        try:
            await obstore.head_async(self.store, key)
        except FileNotFoundError:
            return False
        return True


def open_files(url: str) -> FileStore:
    """`file:///folder` (made when missing) or what obstore knows, such as `s3://bucket/prefix`."""
    parsed = urlparse(url)
    if parsed.scheme == "file":
        folder = Path(parsed.path)
        folder.mkdir(parents=True, exist_ok=True)
        return FileStore(LocalStore(folder, automatic_cleanup=True))
    return FileStore(from_url(url))
