"""What depends on what: runs -> notebooks -> book.

A run is made again when its specification or the code that makes results changes, a notebook when
its runs or the code that presents them change, the book when any page does.
"""

import os
from pathlib import Path

from gfn.experiments import FIGURES, runs
from gfn.provenance import source_fingerprint

PROFILE = config.get("profile", "paper")
BUILD = f"build/{PROFILE}"
RESULTS = f"{BUILD}/results"
SOURCES = {name: f"book/theory/{name}.ipynb" if name == "exact" else f"book/paper/{name}.ipynb" for name in FIGURES}
RUNS = {name: runs(name, PROFILE) for name in FIGURES}
PRESENTATION = [f"gfn/{name}.py" for name in ("claims", "evidence", "experiments", "notebook", "paper", "plotting", "results")]
PAGES = [str(p) for p in sorted(Path("book").rglob("*")) if p.is_file() and p.suffix not in (".ipynb", ".pyc")]
JUPYTER_BOOK = "jupyter-book build -n -W --keep-going --quiet"


def of_figure(wildcards):
    return [f"{RESULTS}/{key}.parquet" for key in RUNS[wildcards.name]]


rule all:
    input:
        f"{BUILD}/book/_build/html/index.html",
        f"{BUILD}/results.png",


# A smoke run takes less time than starting a process for it, so there one process makes a figure's runs.
for figure, found in RUNS.items():
    keys = list(found)
    for first in range(0, len(keys), SIZE := 1 if PROFILE == "paper" else len(keys)):
        rule:
            name:
                f"runs_{figure}_{first}"
            output:
                [f"{RESULTS}/{key}.parquet" for key in keys[first : first + SIZE]],
            params:
                source=source_fingerprint(),
                figure=figure,
                only=[f"--only {key}" for key in keys[first : first + SIZE]],
            shell:
                "gfn reproduce {params.figure} --profile {PROFILE} {params.only} --out {RESULTS} > /dev/null"


rule notebook:
    input:
        lambda wildcards: SOURCES[wildcards.name],
        of_figure,
        PRESENTATION,
        "data/paper/claims.yaml",
        "data/paper/table1.csv",
    output:
        f"{BUILD}/notebooks/{{name}}.ipynb",
    run:
        import nbformat
        import papermill

        os.environ["GFN_RESULTS"] = os.path.abspath(RESULTS)
        parameters = {} if PROFILE == "paper" else {"profile": PROFILE}
        notebook = papermill.execute_notebook(input[0], None, parameters, kernel_name="python3", progress_bar=False)
        # What papermill notes down (times, paths) would differ from run to run.
        notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec", "language_info")}
        for number, cell in enumerate(notebook.cells):
            cell.id = f"{wildcards.name}-{number}"
            cell.metadata = {key: cell.metadata[key] for key in ("tags", "mystnb") if cell.metadata.get(key)}
        nbformat.write(notebook, output[0])


rule picture:
    """The picture of the README: the first figure of the notebook that compares control variates."""
    input:
        f"{BUILD}/notebooks/fig6.ipynb",
    output:
        f"{BUILD}/results.png",
    run:
        import base64

        import nbformat

        cells = nbformat.read(input[0], as_version=4).cells
        images = [o.data["image/png"] for c in cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
        Path(output[0]).write_bytes(base64.b64decode(images[0]))


rule book:
    input:
        PAGES,
        "_config.yml",
        Path("gfn").rglob("*.py"),
        notebooks=expand(f"{BUILD}/notebooks/{{name}}.ipynb", name=FIGURES),
    output:
        f"{BUILD}/book/_build/html/index.html",
    params:
        targets=[source.removeprefix("book/") for source in SOURCES.values()],
    run:
        shell("rm -rf {BUILD}/source && cp -r book {BUILD}/source")
        for notebook, target in zip(input.notebooks, params.targets):
            shell("cp {notebook} {BUILD}/source/{target}")
        shell(f"{JUPYTER_BOOK} {BUILD}/source --config _config.yml --path-output {BUILD}/book")


rule preview:
    """The book from the notebooks as they are committed, with their outputs."""
    input:
        PAGES,
        "_config.yml",
        SOURCES.values(),
        Path("gfn").rglob("*.py"),
    output:
        "build/preview/book/_build/html/index.html",
    shell:
        "rm -rf build/preview/source && cp -r book build/preview/source && "
        "{JUPYTER_BOOK} build/preview/source --config _config.yml --path-output build/preview/book"
