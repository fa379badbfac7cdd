"""The rule, the options and the counts, said in the report's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotrace.durations import Duration, format_duration, seconds

if TYPE_CHECKING:
    from cotrace.options import CompanionRule, StayOptions

__all__ = ["length", "options_in", "reason_in", "rule_in"]

_UNITS_ZH = {"d": "天", "h": "小时", "min": "分钟", "s": "秒"}
_WHO_ZH = {
    "either": "任一方",
    "both": "双方各自",
    "case": "病例",
    "companion": "对方",
    "pair": "两者共同",
}
_FILL_ZH = {
    "same_cell": "相邻两次定位同在一格才计为停留",
    "forward": "停留持续到下一条记录",
    None: "默认",
}
_GRID_ZH = {"geographic": "地理网格（WGS 84）", "projected": "投影网格", "planar": "平面网格"}
_REASONS_ZH = {
    "no device": "缺设备号",
    "no time": "缺时间",
    "unreadable time": "时间无法解读",
    "ambiguous time": "时间有歧义（时钟调整）",
    "missing time": "时间不存在（时钟调整）",
    "no position": "缺位置",
    "unreadable position": "位置无法解读",
    "position not finite": "位置非有限数值",
    "position out of range": "位置超出范围",
    "no tower": "缺基站",
    "unknown tower": "未知基站",
    "outside the grid": "在网格之外",
}


def length(total: int, lang: str) -> str:
    """Write seconds as people say them: 5400 is ``1 h 30 min`` or ``1 小时 30 分``."""
    names = ("小时", "分", "秒") if lang == "zh" else ("h", "min", "s")
    hours, rest = divmod(int(total), 3600)
    parts = [f"{n:,} {unit}" for n, unit in zip((hours, *divmod(rest, 60)), names, strict=True) if n]
    return " ".join(parts) or f"0 {names[2]}"


def _said(value: Duration) -> str:
    text = format_duration(seconds(value, "duration"))
    number = text.rstrip("dhmins")
    return f"{int(number):,} {_UNITS_ZH[text[len(number) :]]}"


def rule_in(rule: CompanionRule, lang: str) -> str:
    """Say how the rule was read."""
    if lang == "en":
        return rule.describe()
    more = {True: "超过", False: "至少"}
    shared = f"{more[rule.strict in (True, 'shared')]} {_said(rule.min_shared)}"
    if rule.shared == "unbroken":
        shared = f"不间断共处{shared}"
    else:
        within = f"（任意 {_said(rule.per)} 之内）" if rule.per else ""
        shared = f"累计共处{within}{shared}"
    clauses = shared
    if rule.lag is not None:
        clauses += f"，或在对方离开后 {_said(rule.lag)} 之内到达并停留"
    elif rule.min_cumulative is not None:
        cumulative = f"{more[rule.strict in (True, 'cumulative')]} {_said(rule.min_cumulative)}"
        clauses += (
            f"，{'且' if rule.combine == 'and' else '或'}{_WHO_ZH[rule.dwell_of]}在该网格累计停留{cumulative}"
        )
    return f"在同一网格内{clauses}；回溯截止时刻之前 {_said(rule.lookback)}"


def options_in(options: StayOptions, lang: str) -> str:
    """Say how stays were made."""
    if lang == "en":
        return options.describe()
    grid = options.grid
    if options.by == "tower" or grid is None:
        where = "以基站为格"
    else:
        where = f"{grid.cell_m:g} 米{_GRID_ZH[grid.kind]}"
        where += f" {grid.crs}" if grid.kind == "projected" and grid.crs and len(grid.crs) < 40 else ""
        where += (
            f"，原点平移 {grid.origin[0]:g} 米、{grid.origin[1]:g} 米" if grid.origin != (0.0, 0.0) else ""
        )
    smooth = f"；{_said(options.smooth.within)}内的往返跳变已平滑" if options.smooth else ""
    return f"{where}；{_FILL_ZH[options.fill]}；相邻定位间隔最长 {_said(options.max_gap)}{smooth}"


def reason_in(reason: str, lang: str) -> str:
    """Say why rows were refused."""
    return _REASONS_ZH.get(reason, reason) if lang == "zh" else reason
