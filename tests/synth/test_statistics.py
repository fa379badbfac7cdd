"""What a made city is like, held to what it was made from. Tolerances are four times the sampling error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.synth.towns import town

from cotrace import synth
from cotrace.synth.building import HOUSEHOLDS, ROLE_SHARES, WORK_REACH_M
from cotrace.synth.paths import RIDE, VISIT, WALK

#: nobody leaves home but for work
STILL = dict.fromkeys(("lunch", "after_work", "evening", "morning", "afternoon", "joint", "late"), 0.0)
WORKERS = (1, 3, 4)


def share_error(share, n):
    return 4 * math.sqrt(share * (1 - share) / n)


def near_uniform(values):
    """Kolmogorov and Smirnov's test that values are uniform on [0, 1), at one in a thousand."""
    ordered, n = np.sort(values), len(values)
    off = max((np.arange(1, n + 1) / n - ordered).max(), (ordered - np.arange(n) / n).max())
    return off < 1.95 / math.sqrt(n)


def all_legs(city, days):
    """Columns of all legs of these days, with the device and the day."""
    parts = [city.legs(0, city.n_devices, day) for day in days]
    names = ("t0", "t1", "x0", "y0", "x1", "y1", "venue", "mode")
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
    columns["device"] = np.concatenate([p.device() for p in parts])
    columns["day"] = columns["t0"] // 86_400
    return columns


# ---- people


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5])
def test_density_is_log_normal_over_blocks(sigma):
    # neighbouring blocks are alike, so the error is taken from many cities and not from many blocks
    below = {-1.2816: 0.1, -0.6745: 0.25, 0.0: 0.5, 0.6745: 0.75, 1.2816: 0.9}
    seen = []
    for seed in range(40):
        density = town(seed, population=10, area_km2=144.0, sigma=sigma).built.density
        z = np.log(density)
        assert z.std() == pytest.approx(sigma)
        z = (z - z.mean()) / z.std()
        seen.append([(z < q).mean() for q in below])
    error = np.std(seen, axis=0, ddof=1) / math.sqrt(len(seen))
    assert (np.abs(np.mean(seen, axis=0) - list(below.values())) < 4 * error + 0.01).all()


def test_neighbouring_blocks_are_alike():
    field = np.log(town(3, population=10, area_km2=900.0).built.density).reshape(-1, 38)
    near = np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]
    far = np.corrcoef(field[:, :-15].ravel(), field[:, 15:].ravel())[0, 1]
    assert near > 0.4
    assert abs(far) < 0.25


def test_people_live_where_the_density_says():
    city = town(2, population=60_000, area_km2=100.0)
    built = city.built
    households = np.diff(built.lo[0])
    assert (np.abs(households - built.density * households.sum()) <= 1.0).all(), "to less than a household"
    block = np.repeat(np.arange(built.side**2), households)[city.home]
    people = np.bincount(block, minlength=built.side**2)
    sizes, shares = np.arange(1, 7), np.array(HOUSEHOLDS)
    mean = (sizes * shares).sum()
    spread = (sizes**2 * shares).sum() - mean**2
    lived = households > 0
    z = (people - mean * households)[lived] / np.sqrt(spread * households[lived])
    assert abs((z**2).mean() - 1.0) < 4 * math.sqrt(2 / lived.sum())


def test_households_and_roles_have_their_shares():
    city = town(4, population=40_000, area_km2=10.0)
    sizes = np.bincount(np.bincount(city.home), minlength=7)[1:]
    for share, n in zip(HOUSEHOLDS, sizes, strict=True):
        assert abs(n / sizes.sum() - share) < share_error(share, sizes.sum())
    for role, share in enumerate(ROLE_SHARES):
        assert abs((city.role == role).mean() - share) < share_error(share, 40_000)
    assert ((city.place >= 0) == (city.role != 0)).all()
    kinds = city.venue_kind[city.place]
    assert (kinds[city.role == 2] == 2).all()
    assert (kinds[np.isin(city.role, WORKERS)] == 1).all()


def test_commutes_are_as_far_as_the_reach_of_works_says():
    city = town(6, population=30_000, area_km2=900.0)
    built, worker = city.built, np.flatnonzero(np.isin(city.role, WORKERS))
    zones = built.reach.shape[0]
    across = math.isqrt(zones)
    row, col = np.divmod(np.arange(zones), across)
    far = np.hypot(row[:, None] - row, col[:, None] - col) * built.block_m * math.ceil(built.side / across)
    shares = np.diff(built.reach, axis=1, prepend=0.0)
    expected, second = (shares * far).sum(1), (shares * far**2).sum(1)
    venue_block = [np.repeat(np.arange(built.side**2), np.diff(built.lo[k])) for k in (0, 1)]
    home = built.zone_of[venue_block[0][city.home[worker]]]
    work = built.zone_of[venue_block[1][city.place[worker] - built.lo[1, 0]]]
    error = 4 * math.sqrt((second - expected**2)[home].sum()) / worker.size
    assert abs(far[home, work].mean() - expected[home].mean()) < error
    assert 0.3 * WORK_REACH_M < expected[home].mean() < 3 * WORK_REACH_M


# ---- days


@pytest.mark.parametrize("name", ["lunch", "after_work", "evening", "morning", "afternoon", "late"])
def test_outings_are_as_frequent_as_asked(name):
    # one outing of a day at most, to a restaurant that is never far: none is left out
    habits = synth.Habits(
        **{**STILL, name: 0.4}, shops=0.0, restaurants=1.0, leisure=0.0, restaurant_min=(10.0, 20.0)
    )
    city = town(7, population=3_000, area_km2=1.0, days=7, habits=habits)
    legs = all_legs(city, range(7))
    kind = np.where(legs["mode"] == VISIT, city.venue_kind[legs["venue"]], -1)
    out = np.zeros((city.n_devices, 8), bool)
    where = kind == (5 if name == "late" else 4)
    out[legs["device"][where], legs["day"][where]] = True
    working = np.zeros((city.n_devices, 8), bool)
    working[legs["device"][kind == 1], legs["day"][kind == 1]] = True
    adults, weekdays = np.isin(city.role, (1, 4)), slice(0, 5)
    seen = {
        "lunch": out[adults, weekdays][working[adults, weekdays]],
        "after_work": out[adults, weekdays][working[adults, weekdays]],
        "evening": out[city.role == 1, weekdays],
        "morning": out[city.role == 0, weekdays],
        "afternoon": out[city.role == 0, weekdays],
        # out over midnight: at its beginning on Saturday, at its end on Friday
        "late": out[city.role == 1, 4],
    }[name]
    assert abs(seen.mean() - 0.4) < share_error(0.4, seen.size)
    others = {"lunch": 0, "after_work": 0, "morning": 1, "afternoon": 1}.get(name)
    if others is not None:
        assert not out[city.role == others, weekdays].any(), "on other days nobody goes out"


@pytest.mark.parametrize(
    ("kind", "name"), [(3, "shop_min"), (4, "restaurant_min"), (5, "leisure_min"), (0, "friend_min")]
)
def test_visits_last_as_long_as_asked(kind, name):
    shares = {"shops": 0.0, "restaurants": 0.0, "leisure": 0.0}
    if kind:
        shares[("shops", "restaurants", "leisure")[kind - 3]] = 1.0
    habits = synth.Habits(**{**STILL, "morning": 1.0}, **shares, **{name: (12.0, 60.0)})
    city = town(5, population=2_000, area_km2=1.0, days=1, habits=habits)
    legs = all_legs(city, range(1))
    there = (legs["mode"] == VISIT) & (legs["venue"] >= 0)
    there &= legs["venue"] != city.home[legs["device"]]
    there &= city.venue_kind[legs["venue"]] == kind
    minutes = (legs["t1"] - legs["t0"])[there] / 60
    assert len(minutes) > 400
    assert minutes.min() >= 12.0
    assert minutes.max() < 72.0
    assert near_uniform(np.sqrt((minutes - 12.0) / 60.0))


def test_the_week_has_its_rhythm():
    city = town(5, population=4_000, area_km2=4.0, days=7, habits=synth.Habits(**{**STILL, "lunch": 0.0}))
    at_work = np.empty((7, city.n_devices), bool)
    for day in range(7):
        x, y = city.positions(
            np.arange(city.n_devices), np.full(city.n_devices, day * 86_400 + 11 * 3_600 + 1_800)
        )
        place = np.maximum(city.place, 0)
        at_work[day] = (city.place >= 0) & (x == city.venue_x[place]) & (y == city.venue_y[place])
        at_work[day] &= (city.venue_x[city.home] != x) | (city.venue_y[city.home] != y)
    workers = city.role == 1
    assert at_work[:5, workers].mean() > 0.99
    assert not at_work[5:, workers].any()
    assert at_work[:5, city.role == 2].mean() > 0.99
    rest = city.role == 4
    days = at_work[:, rest].sum(0)
    assert (days == 5).mean() > 0.98
    assert abs(at_work[:, rest].mean(1) - 5 / 7).max() < share_error(5 / 7, rest.sum())
    assert not at_work[:, city.role == 0].any()
    night = all_legs(city, range(1, 2))
    first = night["t0"] == 86_400
    asleep = city.venue_kind[night["venue"][first]] == 0
    shift = city.role[night["device"][first]] == 3
    assert asleep[~shift].all()
    assert abs((~asleep[shift]).mean() - 1 / 3) < share_error(1 / 3, shift.sum()), (
        "one week in three is of nights"
    )


def test_people_walk_and_ride_at_their_speeds():
    city = town(9, population=4_000, area_km2=60.0, days=2)
    legs = all_legs(city, range(2))
    length = np.hypot(legs["x1"] - legs["x0"], legs["y1"] - legs["y0"]).astype(float)
    took = (legs["t1"] - legs["t0"]).astype(float)
    # outings with the household have the household's pace; these are weekdays
    walks = (legs["mode"] == WALK) & (length > 300)
    pace = {
        d: length[k] / (took[k] - 0.5)
        for d, k in zip(legs["device"][walks], np.flatnonzero(walks), strict=True)
    }
    speeds = np.array(list(pace.values()))
    assert abs(speeds.mean() - 1.35) < 4 * 0.12 * 1.35 / math.sqrt(speeds.size) + 0.005
    assert abs(speeds.std() / 1.35 - 0.12) < 4 * 0.12 / math.sqrt(2 * speeds.size) + 0.002
    rides = legs["mode"] == RIDE
    assert length[legs["mode"] == WALK].max() <= 1_000.1
    # the two legs of a ride are one way
    first = rides & np.r_[rides[1:] & (legs["t0"][1:] == legs["t1"][:-1]), False]
    way = length[first] + length[1:][first[:-1]]
    speed = way / (took[first] + took[1:][first[:-1]])
    expected = 4.0 + np.minimum(10.0, way / 1_500)
    ratio = speed / expected
    assert abs(ratio.mean() - 1.0) < 4 * 0.1 / math.sqrt(np.unique(legs["device"][first]).size) + 0.01
    assert abs(ratio.std() - 0.1) < 0.01


def test_the_radius_of_gyration_is_that_of_two_places():
    # who is at home and at work alone, apart by d, is on average d * sqrt(p (1 - p)) from their centre
    city = town(3, population=1_500, area_km2=200.0, days=7, habits=synth.Habits(**STILL))
    legs = all_legs(city, range(7))
    took = (legs["t1"] - legs["t0"]).astype(float)
    n = city.n_devices

    def weighed(values):
        return np.bincount(legs["device"], values * took, n) / (7 * 86_400)

    a, b, c, d = (legs[k].astype(float) for k in ("x0", "x1", "y0", "y1"))
    centre = weighed((a + b) / 2), weighed((c + d) / 2)
    # the mean square of what changes evenly from a to b is (a a + a b + b b) / 3
    square = weighed((a * a + a * b + b * b + c * c + c * d + d * d) / 3)
    gyration = np.sqrt(np.maximum(square - centre[0] ** 2 - centre[1] ** 2, 0.0))
    worker = np.flatnonzero(city.role == 1)
    x, y = city.venue_x.astype(float), city.venue_y.astype(float)
    apart = np.hypot(x[city.home] - x[city.place], y[city.home] - y[city.place])[worker]
    p = 5 * 9 / (7 * 24)
    far = apart > 2_000
    ratio = gyration[worker][far] / (apart[far] * math.sqrt(p * (1 - p)))
    # on the way one is nearer to the centre of time than at work, and hours differ by half an hour a person
    assert abs(np.median(ratio) - 1.0) < 0.05
    assert np.corrcoef(gyration[worker][far], apart[far])[0, 1] > 0.98
    assert (gyration[city.role == 0] < 1e-2).all(), "who never leaves home has none"


# ---- presets


@pytest.mark.parametrize("name", list(synth.PRESETS))
def test_presets_keep_their_densities_at_any_scale(name):
    preset = synth.PRESETS[name]
    for scale in (0.0005, 0.002):
        city = synth.city(name, seed=1, scale=scale, days=1)
        assert city.area_km2 == pytest.approx(preset.area_km2 * scale)
        assert city.population == round(preset.population * scale)
        assert city.stations / city.area_km2 == pytest.approx(preset.stations_a_km2, abs=0.6 / city.area_km2)
        assert city.side_m**2 == pytest.approx(city.area_km2 * 1e6)


def test_presets_are_those_published():
    published = {"shanghai": (1_161, 80_000, 69), "xian": (2_324, 20_000, 8.6)}
    for name, (area, stations, density) in published.items():
        preset = synth.PRESETS[name]
        assert (preset.area_km2, preset.stations) == (area, stations)
        assert preset.stations_a_km2 == pytest.approx(density, abs=0.5)
    assert synth.PRESETS["chongqing"].stations == 60_000
    assert synth.PRESETS["chongqing"].assumed == ("area_km2", "population")
