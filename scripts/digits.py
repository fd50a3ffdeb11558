"""Make the binarised digits of the package again, from a wheel of scikit-learn: `digits.py WHEEL`.

`pip download --no-deps scikit-learn` fetches one. The pictures are the test set of "Optical Recognition of Handwritten
Digits" by E. Alpaydin and C. Kaynak (UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49), under CC BY 4.0:
1797 pictures of 8 × 8 pixels with a grey value from 0 to 16 each. A bit is one where that is more than 7.
"""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

INSIDE = "sklearn/datasets/data/digits.csv.gz"
OUT = Path(__file__).parents[1] / "gfn/environments/digits.bits"
ABOVE = 7  # grey values that count as ink


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read(INSIDE)).decode()
    grey = np.loadtxt(io.StringIO(text), delimiter=",")[:, :-1]  # without the digit that each shows
    OUT.write_bytes(np.packbits(grey > ABOVE, axis=1).tobytes())
    print(f"{OUT.name}: {len(grey)} pictures of {grey.shape[1]} bits")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {Path(__file__).name} WHEEL")
    main(sys.argv[1])
