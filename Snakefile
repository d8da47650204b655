"""The whole graph: runs -> executed notebooks -> book.

    snakemake --cores all                       the book at quick scale (`make book`)
    snakemake --cores all -- runs               the trainings alone
    snakemake --cores all --config scale=paper  everything at the paper's scale
    snakemake --profile profiles/slurm          the same on a SLURM cluster

A step is run again when one of its inputs or parameters has changed. Its inputs include every file of the package
that it imports (`paperlib.imports`), so a change in the code re-runs what uses it and nothing else.
"""

import re
import shlex
import sys
from pathlib import Path

workdir: workflow.basedir
sys.path.insert(0, workflow.basedir)

from paperlib import book, graph, paths

SCALE = graph.scale(config)
RUNS = graph.runs(SCALE)  # name -> words of `paperlib train`
NOTEBOOKS = graph.notebooks()  # file name without suffix -> plain name
BIN = Path(sys.executable).parent
EXECUTED = "build/executed" if SCALE == "quick" else f"build/executed-{SCALE}"

# One thread a step, steps side by side; and the package of this checkout, whatever is installed.
SETTINGS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
SETTINGS["PYTHONPATH"] = shlex.quote(workflow.basedir)
SETTINGS["PAPERLIB_RESULTS"] = shlex.quote(str(paths.RESULTS if SCALE == "quick" else paths.BUILD / f"claims-{SCALE}"))
shell.prefix("".join(f"export {name}={value}; " for name, value in SETTINGS.items()))


wildcard_constraints:
    notebook="|".join(NOTEBOOKS) or "none",
    run="|".join(map(re.escape, RUNS)) or "none",


rule runs:
    input:
        expand("build/runs/{run}.done", run=RUNS),


rule notebooks:
    input:
        expand(EXECUTED + "/{notebook}.ipynb", notebook=NOTEBOOKS),


rule run:
    input:
        graph.code_of_runs(),
    output:
        touch("build/runs/{run}.done"),
    params:
        words=lambda wildcards: RUNS[wildcards.run],
        code=graph.digest_of_runs(),
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
    log:
        "build/logs/{run}.log",
    message:
        "training {wildcards.run}"
    shell:
        # A half-finished run is continued, one that other code has begun is not, nor one that could not be begun anew.
        "mkdir -p runs/.code; code=runs/.code/{wildcards.run}; again=; "
        "[ ! -f $code ] || [ $(cat $code) = {params.code} ] || again=--again; echo {params.code} > $code; "
        "{BIN}/python -m paperlib train {params.words} $again > {log} 2>&1 && tail -n 1 {log}"
        " || {{ [ $? -ne 2 ] || [ -z \"$again\" ] || echo failed > $code; tail -n 20 {log} >&2; exit 1; }}"


rule notebook:
    input:
        notebook="notebooks/{notebook}.ipynb",
        code=lambda wildcards: graph.code_of_notebook(wildcards.notebook),
        data=lambda wildcards: graph.data_of_notebook(wildcards.notebook),
        runs=lambda wildcards: graph.runs_of_notebook(wildcards.notebook, SCALE),
    output:
        EXECUTED + "/{notebook}.ipynb",
    params:
        scale="" if SCALE == "quick" else f"-p scale={SCALE}",
        running="build/running/{notebook}.ipynb",  # stays behind with its traceback when a cell fails
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    log:
        "build/logs/{notebook}.log",
    message:
        "executing {wildcards.notebook} at {SCALE} scale"
    shell:
        "{BIN}/python -m paperlib notebook {wildcards.notebook} {params.scale} --output {params.running}"
        " > {log} 2>&1 && mv {params.running} {output} && sed -n '$s/,.*//p' {log} || {{ cat {log} >&2; exit 1; }}"


# Exact versions and their checksums stand in package-lock.json; npm comes from the environment.
rule scripts:
    input:
        package="book/npm/package.json",
        lock="book/npm/package-lock.json",
    output:
        directory("build/npm"),
    log:
        "build/logs/npm.log",
    message:
        "scripts of the site: MathJax, popper, tippy"
    shell:
        "mkdir -p {output} && cp {input} {output} &&"
        " {BIN}/npm ci --prefix {output} --ignore-scripts --no-audit --no-fund > {log} 2>&1"
        " || {{ cat {log} >&2; exit 1; }}"


rule book:
    default_target: True
    input:
        notebooks=expand(EXECUTED + "/{notebook}.ipynb", notebook=NOTEBOOKS),
        scripts="build/npm",
        pages=graph.pages(),
        code=graph.code_of_book(),
        data=graph.data_of_book(),
    output:
        "build/_build/html/index.html",
    params:
        repository=book.repository() or "",  # buttons point there, and only there
    log:
        "build/logs/book.log",
    message:
        "building the site"
    shell:
        "rm -rf build/_build && {BIN}/python -m paperlib.book {EXECUTED} {params.repository:q} > {log} 2>&1"
        " && {BIN}/jupyter-book build build/stage --path-output build -q -W -n --keep-going >> {log} 2>&1"
        " || {{ cat {log} >&2; exit 1; }}"
