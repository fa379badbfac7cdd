"""How a frame of stays was made: written into its columns' metadata, so that it goes wherever the frame goes."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.errors import SchemaError
from cotrace.grid import Grid
from cotrace.options import PingPong, StayOptions
from cotrace.schema import STAYS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from cotrace.cells import Cells

__all__ = ["Meaning", "meaning_of"]

_KEY = "cotrace"
_VERSION = 1


@dataclass(frozen=True)
class Meaning:
    """What the rows of a frame of stays mean; everything that the four columns do not say.

    Parameters
    ----------
    options : StayOptions
        Grid and fill filled in.
    tz : str
        Time zone of results.
    device, cell : pyarrow.DataType
        Of the ids, and of the cells.
    towers : pyarrow.Table, optional
        Where towers are the cells: what is known of them.
    """

    options: StayOptions
    tz: str
    device: pa.DataType
    cell: pa.DataType
    towers: pa.Table | None = None

    @property
    def by(self) -> str:
        """What cells are: ``grid`` or ``tower``."""
        return "tower" if self.options.by == "tower" else "grid"

    def cells(self, values: pa.Array) -> Cells:
        """Return the dictionary of cells with these values."""
        from cotrace.cells import Cells

        grid = self.options.grid if self.by == "grid" or self.towers is not None else None
        return Cells(values, grid, self.towers, self.by)

    def metadata(self) -> dict[str, dict[str, Any]]:
        """Return what is written beside the column of devices."""
        from cotrace.engine.spark.frames import pack

        o = self.options
        said: dict[str, Any] = {
            "version": _VERSION,
            "options": {"by": o.by, "max_gap": str(o.max_gap), "fill": o.fill},
            "tz": self.tz,
            "device": str(self.device),
            "cell": str(self.cell),
        }
        if o.smooth is not None:
            said["options"]["smooth"] = str(o.smooth.within)
        if o.grid is not None:
            g = o.grid
            said["grid"] = {"kind": g.kind, "cell_m": g.cell_m, "crs": g.crs, "origin": list(g.origin)}
        if self.towers is not None:
            said["towers"] = base64.b64encode(pack(self.towers)).decode()
        return {"device": {_KEY: json.dumps(said)}}


def meaning_of(stays: DataFrame) -> Meaning:
    """Read how a frame of stays was made.

    Raises
    ------
    SchemaError
        When columns are missing, or nothing is written beside them.
    """
    import pyarrow as pa

    missing = [name for name in STAYS.names if name not in stays.columns]
    if missing:
        raise SchemaError(
            f"the frame of stays has no column {missing[0]!r}; it has {', '.join(stays.columns)}: "
            "make it with cotrace.engine.spark.find_stays()"
        )
    written = stays.schema["device"].metadata.get(_KEY)
    if written is None:
        raise SchemaError(
            "nothing says how these stays were made: the metadata of the column 'device' is gone. Keep the frame of "
            "cotrace.engine.spark.find_stays(), or read it back from Parquet as it was written"
        )
    said = json.loads(written)
    if said["version"] > _VERSION:
        raise SchemaError("these stays were written by a newer cotrace: update this one")
    return _read(said, {"int64": pa.int64(), "uint64": pa.uint64(), "large_string": pa.large_string()})


def _read(said: dict[str, Any], types: dict[str, Any]) -> Meaning:
    from cotrace.engine.spark.frames import unpack

    grid, options = said.get("grid"), said["options"]
    made = None
    if grid is not None:
        made = Grid(grid["kind"], grid["cell_m"], grid["crs"], tuple(grid["origin"]))
    smooth = PingPong(options["smooth"]) if "smooth" in options else None
    towers = unpack(base64.b64decode(said["towers"])) if "towers" in said else None
    read = StayOptions(
        grid=made, by=options["by"], max_gap=options["max_gap"], fill=options["fill"], smooth=smooth
    )
    return Meaning(read, said["tz"], types[said["device"]], types[said["cell"]], towers)
