"""Write requirements.txt: every package of constraints.txt with the SHA-256 of all its files. Needs uv (`pip install uv`).

Without torch and what its builds with CUDA bring, since its files differ from index to index; constraints.txt has its
version.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

BUILDS = ("torch", "triton", "nvidia-", "cuda-")
EXTRAS = ("book", "cluster", "test")
HEADER = """\
# Every package of constraints.txt but torch, whose files differ from index to index, with the SHA-256 of all its files.
# Made by `python scripts/hashes.py`.
"""


def main() -> None:
    extras = [part for extra in EXTRAS for part in ("--extra", extra)]
    options = ["--universal", "--python-version", "3.11", "--constraint", "constraints.txt", "--generate-hashes"]
    command = ["uv", "pip", "compile", "pyproject.toml", *extras, *options, "--no-annotate", "--no-header", "--quiet"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = re.findall(r"^\S.*(?:\n .*)*", listed, re.M)
    kept = [entry for entry in entries if not entry.startswith(BUILDS) or entry.startswith(("torch-", "torch_"))]
    Path("requirements.txt").write_text(HEADER + "\n".join(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
