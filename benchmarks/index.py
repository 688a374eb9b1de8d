"""What an index of SA-1B's tars costs: made from headers, on disk, and sampled, per million photos.

Usage: python -m benchmarks.index [TARS]
"""

import os
import resource
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from random import Random

from pipeline.index import Tar, indexed, sampled

PHOTOS = 11_000
"""In a tar, as SA-1B has them."""


def main(tars: int = 91) -> None:
    """Measure and print. Tars are sparse files with real headers, made and removed one by one."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        seconds, listed = 0.0, []
        for number in range(tars):
            path = _sparse(Path(folder, f"sa_{number:06d}.tar"), number)
            listed.append(Tar(str(path), path.stat().st_size, ""))
            started = time.process_time()
            indexed(listed[-1:], index, lambda _: None)
            seconds += time.process_time() - started
            path.unlink()
        size = sum(path.stat().st_size for path in index.iterdir())
        print(f"{tars * PHOTOS:,} photos in {tars} tars, {os.cpu_count()} CPU cores")
        print(
            f"making the index: {seconds:.1f} s of CPU; on disk: {size / 1e6:.1f} MB; memory {_peak():.0f} MB at most"
        )
        for count in (1_000, 100_000):
            started = time.monotonic()
            found = sampled([], indexed(listed, index, print), 0, count)
            taken = time.monotonic() - started
            made = sum(1 for _ in found)
            print(
                f"sampling {made:,}: {taken:.2f} s; {time.monotonic() - started - taken:.2f} s for their candidates; "
                f"memory {_peak():.0f} MB at most"
            )


def _sparse(path: Path, number: int) -> Path:
    """A tar with the headers and sizes of SA-1B and holes for contents."""
    rng = Random(number)
    with path.open("wb") as file:
        for photo in range(PHOTOS):
            for ending, least, most in (("jpg", 200_000, 1_200_000), ("json", 50_000, 600_000)):
                info = tarfile.TarInfo(f"./sa_{number * PHOTOS + photo}.{ending}")
                info.size = rng.randrange(least, most)
                file.write(info.tobuf(tarfile.USTAR_FORMAT))
                file.seek(-(-info.size // 512) * 512, os.SEEK_CUR)
        file.write(bytes(1024))
    return path


def _peak() -> float:
    """Megabytes this process had in memory at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
