"""The daily temperatures that M learns from: a smoothed series without its yearly cycle, in delay coordinates.

The file comes with the code of M (GPLv3). It is not part of this repository.
"""

from io import BytesIO
from pathlib import Path

import numpy as np

from paperlib.corpora.files import Wrong, located, sha256

NAME, VARIABLE = "temperature", "PAPERLIB_TEMPERATURE"
FILE = "tde_temperature_MoreSmoothedNoYearShort.npy"
ADDRESS = (
    "https://raw.githubusercontent.com/DurstewitzLab/ChaosRNN/7e5eb51a652920cb6236da4f26ed79aee8cb4554"
    f"/datasets/weather_datasets/{FILE}"
)
SHAPE = (5900, 5)  # days, delays: dimension 5, lag 500
OFFICIAL = "e24324e14ca79360a07d65074736edec4741d9b02ef084b796df2c3506047cfe"


def load(folder: Path | str | None = None) -> np.ndarray:
    """The series (5900, 5), float64, from `folder`, the folder that PAPERLIB_TEMPERATURE names, or the download.

    Raises Missing where there is none, FileNotFoundError for a file or a named folder that is not there, Wrong for
    a file that holds anything else.
    """
    return _read(folder)[0]


def record(folder: Path | str | None = None) -> dict[str, object]:
    """What a run notes of its data: the file's sha256, and warnings, one line each."""
    _, digest = _read(folder)
    warning = f"{NAME}: shape and type are right, but {FILE} has sha256 {digest}, the published one {OFFICIAL}"
    return {"sha256": digest, "warnings": [] if digest == OFFICIAL else [warning]}


def verify(folder: Path | str | None = None) -> list[str]:
    """What `paperlib data verify` says of the series, one line a warning; raises as `load` does."""
    return record(folder)["warnings"]


def holds(folder: Path) -> bool:
    """Whether the file lies in a folder."""
    return (folder / FILE).is_file()


def fetch(folder: Path, address: str = ADDRESS) -> None:
    """Download the file into a folder. Raises Wrong, and writes nothing, where it is not the published one."""
    from paperlib.corpora import download

    download.stored(folder, {FILE: download.fetched(address)}, {FILE: OFFICIAL})


def _read(folder: Path | str | None) -> tuple[np.ndarray, str]:
    place = located(NAME, VARIABLE, folder)
    path = place / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{NAME}: expected {FILE} in {place}, found none")
    data = path.read_bytes()
    expected = f"{path}: expected finite float64 numbers of shape {SHAPE}"
    try:
        series = np.load(BytesIO(data), allow_pickle=False)
        shape, dtype = series.shape, series.dtype
    except (ValueError, EOFError, OSError, AttributeError) as error:
        raise Wrong(f"{expected}, found {len(data):,} bytes that are no such array ({error})") from None
    if shape != SHAPE or dtype != np.float64:
        raise Wrong(f"{expected}, found {dtype} of shape {shape}")
    if not np.isfinite(series).all():
        raise Wrong(f"{expected}, found {np.size(series) - np.isfinite(series).sum()} that are not finite")
    return series, sha256(data)
