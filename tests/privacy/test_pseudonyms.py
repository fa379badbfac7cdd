"""Pseudonyms: one for each id, key and domain; nothing of the ids is left in what is made with them."""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.companions.helpers import AS_OF, HOUR, pings_of, stay

import cotrace
from cotrace.errors import CotraceError, CotraceTypeError, OptionError, PrivacyError, SchemaError
from cotrace.keys import Key, as_key, key_from_env, key_from_file, new_key_file
from cotrace.privacy import Pseudonymiser, pseudonymise
from cotrace.privacy.mapping import Mapping, names_of_array

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")

KEY = Key(lambda: bytes(range(32)))
NEXT = Key(lambda: bytes(range(1, 33)))
BY = Pseudonymiser(KEY, domain="test")


def test_a_pseudonym_is_keyed_blake2b():
    """Written out once more, so that another program can make the same ones."""
    derived = hashlib.blake2b(
        b"pseudonyms of test", key=bytes(range(32)), digest_size=32, person=b"cotrace derived"
    ).digest()
    name = hashlib.blake2b(b"007", key=derived, digest_size=16, person=b"cotrace pseudon.").hexdigest()
    key_id = hashlib.blake2b(b"id", key=bytes(range(32)), digest_size=4, person=b"cotrace key id").hexdigest()
    assert BY.names_of(["007"]) == [f"{key_id}-{name}"]
    assert BY.width == len(f"{key_id}-{name}")


@settings(max_examples=50)
@given(st.lists(st.one_of(st.integers(-(2**63), 2**64 - 1), st.text())))
def test_one_for_each_id(ids):
    names = BY.names_of(ids)
    # 7 and "7" are one
    assert len(set(names)) == len({str(one) for one in ids})
    assert names == BY.names_of(ids)
    for other in (Pseudonymiser(NEXT, domain="test"), Pseudonymiser(KEY, domain="other")):
        assert not set(names) & set(other.names_of(ids))


def test_domains_share_no_tail():
    """The key's id is the same, the digest is not."""
    one, other = (Pseudonymiser(KEY, domain=d).names_of(["a"])[0] for d in ("x", "y"))
    assert one.split("-")[0] == other.split("-")[0]
    assert one.split("-")[1] != other.split("-")[1]


@pytest.mark.parametrize(
    "wrong", [{"digits": 14}, {"digits": 17}, {"digits": 66}, {"digits": 32.0}, {"domain": ""}]
)
def test_wrong_options(wrong):
    with pytest.raises(OptionError):
        Pseudonymiser(KEY, **{"domain": "x", **wrong})


def test_ids_that_are_none():
    for one in (1.5, None, True, b"x"):
        with pytest.raises(CotraceTypeError):
            BY.names_of([one])


# keys


def test_keys_from_files_and_the_environment(tmp_path, monkeypatch):
    made = new_key_file(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert len(made.secret()) == 32
    with pytest.raises(PrivacyError, match="never written over"):
        new_key_file(tmp_path / "key")
    monkeypatch.setenv("THE_KEY", (tmp_path / "key").read_text())
    raw = tmp_path / "raw"
    raw.write_bytes(made.secret())
    for key in (
        key_from_file(tmp_path / "key"),
        key_from_env("THE_KEY"),
        as_key(tmp_path / "key"),
        key_from_file(raw),
    ):
        assert key.secret() == made.secret()
        assert key.id == made.id
    assert as_key(lambda: made.secret().hex()).secret() == made.secret()
    assert as_key(made.secret()).secret() == made.secret()
    assert key_from_file(raw, "2026").id == "2026"


@pytest.mark.parametrize(
    ("given_key", "said"),
    [
        (b"short", "5 bytes"),
        (bytes(32), "not random"),
        (b"password" * 4, "not random"),
        (bytes(range(65)), "65 bytes"),
        (bytes(range(31)).hex(), "31 bytes"),
        ("a password of more than 32 letters that somebody typed", "not hexadecimal"),
        (None, "NoneType"),
        (7, "int"),
    ],
    ids=["short", "zeros", "repeated", "long", "31", "words", "none", "int"],
)
def test_keys_that_are_none(given_key, said):
    with pytest.raises(PrivacyError, match=said) as failed:
        Key(lambda: given_key).secret()
    if isinstance(given_key, str):
        assert given_key not in str(failed.value)


def test_keys_that_cannot_be_had(monkeypatch, tmp_path):
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(PrivacyError, match="NO_KEY is not set"):
        key_from_env("NO_KEY").secret()
    with pytest.raises(PrivacyError, match="FileNotFoundError"):
        key_from_file(tmp_path / "none").secret()
    with pytest.raises(PrivacyError) as failed:
        Key(lambda: {}["the secret"], "the vault").secret()
    assert "the secret" not in str(failed.value)
    assert failed.value.__cause__ is None
    for literal in ("0" * 64, 7, None):
        with pytest.raises(CotraceTypeError, match="key_from_file"):
            as_key(literal)
    with pytest.raises(PrivacyError):
        as_key(b"short")


def test_keys_are_not_shown():
    secret = os.urandom(32)
    key = as_key(secret)
    for shown in (repr(key), str(vars(key)), repr(Pseudonymiser(key, domain="x"))):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    with pytest.raises(CotraceTypeError):
        pickle.dumps(key)


# phone numbers


def test_one_number_has_one_pseudonym_however_it_was_written():
    by = Pseudonymiser(KEY, domain="test", e164="CN")
    written = [
        "13800138000",
        13800138000,
        "+86 138 0013 8000",
        "0086-138-0013-8000",
        "8613800138000",
        "138 00138000",
    ]
    assert set(by.names_of(written)) == set(BY.names_of(["+8613800138000"]))
    assert by.names_of(["+49 30 123456"]) == BY.names_of(["+4930123456"])
    with pytest.raises(PrivacyError, match=r"2 of 3 distinct ids .* first is number 1") as failed:
        by.names_of(["13800138000", "007", "nobody"])
    assert "nobody" not in str(failed.value)
    with pytest.raises(OptionError, match="no country"):
        Pseudonymiser(KEY, domain="test", e164="cn").names_of(["1"])


def test_rotation():
    old, new = Pseudonymiser(KEY, domain="test"), Pseudonymiser(NEXT, domain="test")
    ids = ["a", "b", "c"]
    bridge = new.bridge(ids, old)
    links = dict(zip(bridge["before"].to_pylist(), bridge["after"].to_pylist(), strict=True))
    assert [links[name] for name in old.names_of(ids)] == new.names_of(ids)
    assert bridge["before"].to_pylist() == sorted(old.names_of(ids))
    assert {name.split("-")[0] for name in links} == {KEY.id}
    assert {name.split("-")[0] for name in links.values()} == {NEXT.id}


# pings


def frames():
    rng = np.random.default_rng(5)
    n = 4000
    device = rng.integers(0, 50, n)
    frame = pd.DataFrame(
        {
            "time": rng.integers(0, 86_400, n),
            "x": rng.choice([1.0, 900.0, np.nan], n, p=[0.6, 0.3, 0.1]),
            "y": 1.0,
        }
    )
    yield frame.assign(device=device)
    yield frame.assign(device=np.where(device == 3, np.nan, device))
    yield frame.assign(device=[f"+86{d:011d}" for d in device])
    yield frame.assign(device=pd.Categorical([None if d == 3 else f"p{d}" for d in device]))
    yield frame.assign(device=device.astype(np.uint64) + np.uint64(2**63))


@pytest.mark.parametrize("frame", list(frames()), ids=["int", "float", "string", "dictionary", "uint64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_stays_of_pseudonyms_are_pseudonyms_of_stays(tmp_path, frame, threads):
    path = tmp_path / "pings.parquet"
    frame.to_parquet(path, row_group_size=300, index=False)
    for source in (frame, path):
        pings = cotrace.read_pings(source, unit="s")
        hidden = pseudonymise(pings, by=BY)
        stays = cotrace.find_stays(pings, threads=threads)
        found = cotrace.find_stays(hidden, threads=threads)
        wanted = pseudonymise(stays, by=BY)
        assert found.to_arrow().equals(wanted.to_arrow())
        assert found.devices.equals(wanted.devices)
        assert found.counts == stays.counts
        assert hidden.device_type == pa.large_string()
        plain, kept = pings.refused.to_pandas(), hidden.refused.to_pandas()
        assert len(kept)
        assert kept["row"].tolist() == plain["row"].tolist()
        names = [
            None if pd.isna(d) else BY.names_of([d if isinstance(d, str) else int(d)])[0]
            for d in plain["device"]
        ]
        assert [None if pd.isna(d) else d for d in kept["device"]] == names


def test_nothing_of_the_ids_is_left(capsys):
    pings = pings_of(stay("+8613800138000", 0, 31 * HOUR), stay("+8613900139000", 0, HOUR))
    hidden = pseudonymise(pings, by=BY)
    (case,) = BY.names_of(["+8613800138000"])
    found = cotrace.find_companions(hidden, [case], as_of=AS_OF)
    said = [repr(hidden), hidden.describe(), repr(found), found._repr_html_(), repr(found.stays)]
    said += [
        getattr(found, name).to_arrow().to_pandas().to_csv() for name in ("companions", "evidence", "cases")
    ]
    said += [found.explain(case, found.companions["companion_id"][0].as_py())]
    assert not any("1380013" in text or "1390013" in text for text in said)
    assert all(case in text for text in (said[2], said[5], said[8]))


def test_many_ids_do_not_stay_in_memory(monkeypatch):
    from cotrace.privacy import mapping

    monkeypatch.setattr(mapping, "_KEPT", 10)
    known = Mapping(BY, pa.int64())
    rng = np.random.default_rng(1)
    for _ in range(20):
        ids = pa.array(rng.integers(0, 3000, 2000))
        assert known.names(ids).dictionary_decode().equals(names_of_array(ids, BY))
        assert len(known._ids) <= 3000


def test_a_dictionary_with_doubles_and_unused_values():
    known = Mapping(BY, pa.large_string())
    ids = pa.DictionaryArray.from_arrays(
        pa.array([2, None, 0, 3], pa.int32()), pa.array(["a", "x", "b", "a"])
    )
    wanted = [BY.names_of([one])[0] if one else None for one in ids.to_pylist()]
    assert known.names(ids).to_pylist() == wanted
    assert known.names(ids).to_pylist() == wanted


# tables


def test_tables_are_sorted_anew():
    pings = pings_of(*(stay(f"D{k:02}", 0, 31 * HOUR) for k in range(12)))
    stays = cotrace.find_stays(pings)
    pairs = pa.Table.from_batches(list(cotrace.pairs(stays)))
    from cotrace.schema_meetings import PAIRS

    table = cotrace.Table(PAIRS, pairs)
    hidden = pseudonymise(table, by=BY)
    rows = hidden.to_arrow().to_pylist()
    wanted = {tuple(sorted(BY.names_of([r["a"], r["b"]]))) for r in pairs.to_pylist()}
    assert {(r["a"], r["b"]) for r in rows} == wanted
    assert [(r["a"], r["b"]) for r in rows] == sorted((r["a"], r["b"]) for r in rows)


def test_paths_and_persons():
    pings = pings_of(*(stay(f"D{k}", 0, 3 * HOUR) for k in range(3)))
    found = cotrace.rings(cotrace.find_stays(pings), ["D0"], as_of=AS_OF)
    table = found.to_arrow()
    hidden = pseudonymise(cotrace.Table(found.schema, table), by=BY)
    assert len(hidden) == 3
    devices, vias = table["device"].to_pylist(), table["via"].to_pylist()
    names = dict(zip(hidden["device"].to_pylist(), hidden["via"].to_pylist(), strict=True))
    assert names == {
        BY.names_of([d])[0]: None if v is None else BY.names_of([v])[0]
        for d, v in zip(devices, vias, strict=True)
    }
    text = hidden.to_arrow().to_pandas().to_csv()
    assert not any(d in text for d in devices)
    known = cotrace.read_devices({"device": [1, 2], "person": ["Li", None], "kind": ["person", "vehicle"]})
    assert set(pseudonymise(known, by=BY)["person"].to_pylist()) == {*BY.names_of(["Li"]), None}


def test_arrow_tables():
    lists = pa.array([[1, 2], None, [], [2]], pa.list_(pa.int64()))
    large = lists.cast(pa.large_list(pa.int64()))
    table = pa.table({"who": pa.array([1, None, 2, 1]), "path": lists, "more": large, "n": [1, 2, 3, 4]})
    hidden = pseudonymise(table, by=BY, columns=["who", "path", "more"])
    one, two = BY.names_of([1, 2])
    assert hidden["who"].to_pylist() == [one, None, two, one]
    assert hidden["path"].to_pylist() == hidden["more"].to_pylist() == [[one, two], None, [], [two]]
    assert hidden["n"].equals(table["n"])
    sliced = pseudonymise(table.slice(2), by=BY, columns=["path"])
    assert sliced["path"].to_pylist() == [[], [two]]
    with pytest.raises(SchemaError, match="no column 'x'"):
        pseudonymise(table, by=BY, columns=["x"])


def test_what_cannot_be_done():
    stays = cotrace.find_stays(pings_of(stay("A", 0, HOUR)))
    for wrong in (
        {},
        {"key": KEY},
        {"domain": "x"},
        {"by": BY, "domain": "x"},
        {"by": BY, "columns": ["device"]},
    ):
        with pytest.raises(OptionError):
            pseudonymise(stays, **wrong)
    with pytest.raises(OptionError, match="columns="):
        pseudonymise(pa.table({"a": [1]}), by=BY)
    with pytest.raises(CotraceTypeError, match="cannot be given pseudonyms"):
        pseudonymise([1], by=BY)
    assert len(pseudonymise(stays._slice(0), by=BY)) == 0


# a whole result


@pytest.fixture(scope="module")
def found():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pings = pings_of(
            stay("A", 0, 31 * HOUR),
            stay("B", 9 * HOUR, 10 * HOUR),
            stay("Z", 0, 31 * HOUR),
            stay("C", 0, HOUR, x=900.0),
        )
        return cotrace.find_companions(
            pings, {"device": ["A", "Z", "A"], "as_of": [AS_OF, AS_OF, AS_OF.replace(day=9)]}
        )


def test_a_result_with_pseudonyms(found):
    hidden = found.pseudonymised(BY)
    assert len(hidden) == len(found)
    for name in ("cases", "companions", "evidence", "funnel", "coverage", "stays"):
        wanted = pseudonymise(getattr(found, name), by=BY).to_arrow()
        assert getattr(hidden, name).to_arrow().equals(wanted), name
    for text in (repr(hidden), hidden._repr_html_()):
        assert all(name in text for name in BY.names_of(["A"]))
        assert not {"A", "B", "Z"} & set(text.replace("<", " ").replace(":", " ").split())
    again = pseudonymise(hidden, by=Pseudonymiser(NEXT, domain="y"))
    assert set(again.cases["case_id"].to_pylist()) == set(
        Pseudonymiser(NEXT, domain="y").names_of(["A", "Z"])
    )


def test_explaining_with_pseudonyms(found):
    hidden = found.pseudonymised(BY)
    for day in (AS_OF, AS_OF.replace(day=9)):
        for other in ("B", "Z", "C", "nobody"):
            a, name = BY.names_of(["A", other])
            wanted = found.explain("A", other, as_of=day)
            wanted = wanted.replace(f"Device {other}", f"Device {name}").replace("case A", f"case {a}")
            assert hidden.explain(a, name, as_of=day) == wanted
    with pytest.raises(CotraceError, match="no case"):
        hidden.explain("A", "B", as_of=AS_OF)


def test_drawing_with_pseudonyms(found):
    pytest.importorskip("matplotlib")
    hidden = found.pseudonymised(BY)
    z, b = BY.names_of(["Z", "B"])
    axes = hidden.plot_timeline(z, b)
    texts = [axes.get_title(loc="left"), axes.get_title(), *(t.get_text() for t in axes.figure.texts)]
    # long names are drawn with their middle left out
    assert any(b[:8] in text and b[-8:] in text for text in texts)
    assert any(z[:8] in text and z[-8:] in text for text in texts)
    hidden.plot_cells(z)
