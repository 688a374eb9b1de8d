"""The systems that are compared, each in its own environment, installed from the package index."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PLACE = Path("outputs/benchmarks/peers")
"""Where their environments lie."""


class System(NamedTuple):
    """One system, and the module of `systems/` that does the job with it."""

    name: str
    module: str
    packages: tuple[str, ...] = ()
    """What its environment holds; this project's own is used where there are none."""
    resumes: bool = True
    """Whether it claims to go on after a crash."""

    @property
    def python(self) -> Path:
        """The interpreter that runs it; its environment is made if it is not there."""
        if not self.packages:
            return Path(sys.executable)
        python = PLACE / self.name / "bin" / "python"
        if not python.exists():
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, PLACE / self.name], check=True)
            options = ["--quiet", "--compile-bytecode", "--python", str(python)]
            subprocess.run([str(uv), "pip", "install", *options, *self.packages], check=True)
        return python.absolute()

    def start(self, url: str, photos: Path, out: Path) -> "subprocess.Popen[bytes]":
        """Begin the job, or go on with it where `out` holds part of it; what it says goes to `out`.log."""
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "OPENAI_API_KEY": "none"}
        module = f"benchmarks.orchestration.systems.{self.module}"
        command = [str(self.python), "-m", module, url, str(photos.absolute()), str(out.absolute())]
        with Path(f"{out}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


SYSTEMS = (
    System("this project", "ours"),
    System("ray.data", "ray_data", ("ray[data]==2.60.0", "openai", "pillow", "pydantic"), resumes=False),
    System("curator", "curator", ("bespokelabs-curator==0.1.31", "pillow")),
    System("data-designer", "data_designer", ("data-designer==0.9.7", "pillow")),
    System("distilabel", "distilabel", ("distilabel[openai]==1.5.3", "pillow", "requests")),
)
