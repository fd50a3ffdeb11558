"""Where the data of a checkout are."""

from pathlib import Path


def checkout_path(relative: str) -> Path:
    """The file or folder ``relative`` of the checkout around the working directory, or around this package.

    Raises:
        FileNotFoundError: if there is none.
    """
    here = Path.cwd()
    for root in (here, *here.parents, Path(__file__).parents[1]):
        if (root / relative).exists():
            return root / relative
    kind = "file" if Path(relative).suffix else "folder"
    raise FileNotFoundError(f"no {kind} {relative} in {here} or above: run inside a checkout of this project")
