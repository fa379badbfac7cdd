"""The how-to of Spark is true: its blocks run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "spark.md"


def test_blocks_of_the_page_run(spark, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 5
    names = {"spark": spark}
    for block in blocks:
        # paths of a page are those of a cluster's own file system; here they are of this folder
        exec(
            compile(block.replace('"stays.parquet"', f'"{tmp_path}/stays.parquet"'), PAGE.name, "exec"), names
        )
    said = capsys.readouterr().out
    assert "expected" in said
    assert "took" in said
