"""The page as text: what it says without a script, what is escaped, what its policy allows, and in both languages."""

from __future__ import annotations

import json
import re
import stat
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from string import Formatter

import pytest

import cotrace
from cotrace import CompanionRule, Grid, PingPong, StayOptions
from cotrace.errors import CaseError, OptionError
from cotrace.io.reasons import REASONS
from cotrace.view import report_html
from cotrace.view.report.contents import Clock
from cotrace.view.report.reading import _REASONS_ZH, length, options_in, rule_in
from cotrace.view.report.words import _EN, _ZH, words_of

from .conftest import HOSTILE

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


class Parsed(HTMLParser):
    """Tags with their attributes, the text outside scripts and styles, and what is inside these."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.inside = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        where = self.inside if self.tags and self.tags[-1][0] in ("script", "style") else self.text
        where.append(data)


def said(text: str) -> str:
    return " ".join(" ".join(Parsed(text).text).split())


def data_of(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


def test_it_says_without_a_script_what_counts(plane):
    text = said(report_html(plane))
    assert "Companions of 2 cases" in text
    assert "nothing should follow for a person without review" in text
    assert plane.rule.describe() in text
    assert plane.options.describe() in text
    assert "Rows of the input 6" in text
    assert "position not finite 1" in text
    assert "Refused 1" in text
    assert "Two devices in one cell can be up to 14 m apart" in text
    assert "Not on the list is not the same as not exposed" in text


def test_one_case_alone(plane):
    text = report_html(plane, case=1)
    assert "Companions of case 1" in said(text)
    assert [c["id"] for c in data_of(text)["cases"]] == ["1"]
    assert "Companions 1" in said(text)
    assert said(report_html(plane, case=1, title="Q & <A>")).startswith("Q & <A>")


def test_the_data_are_those_of_the_tables(found):
    case = data_of(report_html(found))["cases"][0]
    table, evidence = found.companions.to_pandas(), found.evidence.to_pandas()
    assert case["list"]["id"] == [str(v) for v in table["companion_id"]]
    assert case["list"]["shared"] == table["shared_s"].tolist()
    assert sum(case["list"]["n"]) == len(evidence) == len(case["evidence"]["s"])
    starts = [case["start"] + s for s in case["evidence"]["from"]]
    assert starts == [int(t.timestamp()) for t in evidence["started_at"]]
    assert sum(s for _, _, s in case["stays"]) == found.coverage["observed_s"][0].as_py()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_policy_names_what_is_there_and_nothing_else(hostile, lang):
    text = report_html(hostile, lang=lang)
    page = Parsed(text)
    names = [name for name, _ in page.tags]
    assert names.count("script") == 2
    assert names.count("style") == 1
    assert not {"img", "iframe", "b", "object", "embed", "form", "base"} & set(names)
    policy = next(a["content"] for n, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    for name in ("script", "style"):
        body = re.findall(rf"<{name}>(.*?)</{name}>", text, re.S)[0]
        assert f"{name}-src 'sha256-{b64encode(sha256(body.encode()).digest()).decode()}'" in policy
    for _, attributes in page.tags:
        assert not [k for k in attributes if k.startswith("on") or k == "style"]
        assert not str(attributes.get("href", "")).startswith(("http", "//", "javascript"))
        assert "src" not in attributes
    assert list(data_of(text)["cases"][0]["list"]["id"]) == sorted(HOSTILE)


def test_ids_that_cannot_be_seen_are_written_out(hostile):
    text = report_html(hostile)
    assert "\u202e" not in text
    assert "<b>case</b> & ⟨U+202E⟩=1" in said(text)


def test_no_network_in_script_or_style():
    from cotrace.view.report.page import _asset

    script, style = _asset("report.js"), _asset("report.css")
    for word in (
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "import(",
        "innerHTML",
        "eval(",
        "sendBeacon",
        "localStorage",
    ):
        assert word not in script
    assert "url(" not in style
    assert "@import" not in style
    assert set(re.findall(r"https?://[^\"']+", script)) == {"http://www.w3.org/2000/svg"}


def test_it_is_written_whole_and_for_its_owner(found, tmp_path, monkeypatch):
    file = found.report(tmp_path / "case.html")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == report_html(found)  # and the same again: nothing in it depends on the moment
    before = file.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        found.report(file, lang="zh")
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["case.html"]


def test_what_is_refused(found, plane, tmp_path, monkeypatch):
    with pytest.raises(OptionError, match="lang='de' is not one of 'en', 'zh'"):
        found.report(tmp_path / "a.html", lang="de")
    with pytest.raises(OptionError, match="is a folder"):
        found.report(tmp_path)
    with pytest.raises(CaseError, match="no case of this result"):
        found.report(tmp_path / "a.html", case=7)
    with pytest.raises(OptionError, match="name that device with case="):
        found.report(tmp_path / "a.html", as_of="2021-11-03T00:00:00+08:00")
    monkeypatch.setattr("cotrace.view.report.contents.MOST_EPISODES", 0)
    with pytest.raises(OptionError, match="name one case with case="):
        plane.report(tmp_path / "a.html")
    with pytest.raises(OptionError, match="evidence as a table"):
        plane.report(tmp_path / "a.html", case=1)
    assert list(tmp_path.iterdir()) == []


def test_towers_with_and_without_a_position():
    log = {"device": ["a", "a", "b", "b"], "tower": ["t-1", "t-2", "t-1", "t-1"], "time": [0, 3600, 0, 3600]}
    options = StayOptions(by="tower", fill="forward")
    rule = CompanionRule(min_cumulative=None, lookback="2d")
    towers = {"tower": ["t-1", "t-2"], "lon": [104.0, None], "lat": [30.0, None]}
    for known, at in ((None, [None]), (towers, [[0.0, 0.0]])):
        pings = cotrace.read_pings(log, unit="s", tz="UTC", tower="tower", towers=known)
        found = cotrace.find_companions(
            pings, ["a"], as_of="1970-01-02T00:00:00Z", rule=rule, options=options
        )
        text = report_html(found)
        cells = data_of(text)["cells"]
        assert cells["name"][:1] == ["tower t-1"]
        assert cells["at"][:1] == at
        assert cells["shape"][:1] == [None]
        assert "Two devices at one tower can be kilometres apart" in said(text)


def test_a_result_that_was_made_from_stays(found):
    again = cotrace.find_companions(found.stays, [1000], as_of="2021-11-03T00:00:00+08:00")
    text = said(report_html(again))
    assert "Companions of case 1000" in text


def test_clocks_that_change():
    # Berlin, 31 October 2021: at 01:00 UTC from +02:00 to +01:00
    change = 1_635_642_000
    clock = Clock("Europe/Berlin", change - 5 * 86_400, change + 5 * 86_400)
    assert clock.pieces == [(change - 5 * 86_400, 7200), (change, 3600)]
    assert clock.say(change - 1) == "2021-10-31 02:59:59 +02:00"
    assert clock.say(change) == "2021-10-31 02:00 +01:00"
    year = Clock("Europe/Berlin", 1_609_459_200, 1_640_995_200).pieces
    assert [offset for _, offset in year] == [3600, 7200, 3600]
    assert year[1][0] == 1_616_893_200
    assert Clock("+05:30", 0, 86_400).pieces == [(0, 19_800)]


def test_both_languages_have_the_same_words():
    assert _EN.keys() == _ZH.keys()
    for key, text in _EN.items():
        holes = [
            {name for _, name, _, _ in Formatter().parse(t) if name is not None} for t in (text, _ZH[key])
        ]
        assert holes[0] == holes[1], key
        assert text.strip()
        assert _ZH[key].strip()
    assert set(_REASONS_ZH) == set(REASONS)
    with pytest.raises(OptionError):
        words_of("fr")


def test_the_script_uses_words_that_are_there():
    from cotrace.view.report.page import _asset

    used = set(re.findall(r'say\("(\w+)"', _asset("report.js"))) | set(
        re.findall(r"WORDS\.(\w+)", _asset("report.js"))
    )
    assert used - {"h", "min", "s"} <= {k.removeprefix("js_") for k in _EN if k.startswith("js_")}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (
            CompanionRule(),
            "在同一网格内不间断共处至少 10 分钟，且任一方在该网格累计停留至少 30 小时；回溯截止时刻之前 14 天",
        ),
        (
            CompanionRule(strict=True, dwell_of="both"),
            "不间断共处超过 10 分钟，且双方各自在该网格累计停留超过 30 小时",
        ),
        (CompanionRule(min_cumulative=None, lag="2h"), "共处至少 10 分钟，或在对方离开后 2 小时 之内到达"),
        (
            CompanionRule(shared="cumulative", per="24h", combine="or"),
            "累计共处（任意 24 小时 之内）至少 10 分钟，或任一方",
        ),
    ],
)
def test_the_rule_in_chinese(rule, says):
    assert says in rule_in(rule, "zh")
    assert rule_in(rule, "en") == rule.describe()


def test_options_and_lengths_in_chinese():
    assert options_in(StayOptions(by="tower", fill="forward"), "zh").startswith(
        "以基站为格；停留持续到下一条记录"
    )
    shifted = StayOptions(grid=Grid.geographic(800, origin=(100, 0)), smooth=PingPong("5min"))
    assert "800 米地理网格（WGS 84），原点平移 100 米、0 米" in options_in(shifted, "zh")
    assert "5 分钟内的往返跳变已平滑" in options_in(shifted, "zh")
    assert length(5400, "zh") == "1 小时 30 分"
    assert length(0, "en") == "0 s"
