"""Made cities as one would write them down: a person, a day, a second at a time. Plain Python, nothing of the library.

A city is a dict: ``seed``, ``weekday`` (of its first day), ``role``, ``home``, ``place`` (lists by person), ``x``,
``y``, ``kind`` (by venue), ``block`` (of each venue), ``side``, ``block_m``, and ``habits`` (by name).
"""

from __future__ import annotations

import math
import struct

WORD = 2**64 - 1
DAY = 86_400
HOME, WORK, SCHOOL, SHOP, RESTAURANT, LEISURE = range(6)
NAMES = {SHOP: "shop_min", RESTAURANT: "restaurant_min", LEISURE: "leisure_min", HOME: "friend_min"}


# ---- random numbers


def mixed(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


def key_of(key, number):
    return mixed((key + (number + 1) * 0x9E3779B97F4A7C15) & WORD)


def uniform(key, number):
    return (key_of(key, number) >> 11) / 2**53


def bell(key, number):
    z = key_of(key, number)
    total = sum((z >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
    return (total - 131070.0) * (1.7320508075688772 / 65536.0)


def stream(seed, number):
    return key_of(key_of(0, seed), number)


# ---- the people of a city


def households(seed, shares, people):
    """The number of each one's household; ``shares`` are of households of 1, 2, ... people."""
    key, home, number = stream(seed, 10), [], 0
    while len(home) < people:
        u, size, total = uniform(key, number), 1, shares[0]
        while size < len(shares) and u >= total:
            total += shares[size]
            size += 1
        home += [number] * size
        number += 1
    return home[:people]


def roles(seed, cumulative, people):
    key = stream(seed, 11)
    found = []
    for i in range(people):
        u = uniform(key, i)
        found.append(next((k for k, c in enumerate(cumulative[:-1]) if u < c), len(cumulative) - 1))
    return found


def single(value):
    """The nearest number of single precision."""
    return struct.unpack("f", struct.pack("f", value))[0]


def venue_places(seed, kind, blocks, per_building, side, block_m):
    """Where venues of a kind are, in order; ``blocks`` are how many each block has."""
    key, out = stream(seed, 20 + kind), []
    for block, n in enumerate(blocks):
        buildings = max(1, int(n / per_building))
        mine = key_of(key, block)
        for v in range(n):
            b = v * buildings // n
            x = (block % side + uniform(mine, 2 * b)) * block_m
            y = (block // side + uniform(mine, 2 * b + 1)) * block_m
            out.append((single(x), single(y)))
    return out


def place(seed, number, person, home_block, blocks, side, block_m, metres, crowded):
    """The venue that somebody works at or learns in, counted from the first of its kind."""
    wide = -(-side // 24)
    across = -(-side // wide)

    def zone(block):
        return block // side // wide, block % side // wide

    zones = [(row, col) for row in range(across) for col in range(across)]
    there = {z: [b for b in range(side * side) if zone(b) == z] for z in zones}
    venues = {z: sum(blocks[b] for b in there[z]) for z in zones}
    start, cumulative, total = zone(home_block), [], 0.0
    for z in zones:
        far = wide * block_m * (math.hypot(z[0] - start[0], z[1] - start[1]) if z != start else 0.4)
        total += venues[z] * math.exp(-far / metres)
        cumulative.append(total)
    mine = key_of(stream(seed, number), person)
    u = uniform(mine, 0)
    chosen = next(z for z, c in zip(zones, cumulative, strict=True) if u < c / total and venues[z])
    left = int(uniform(mine, 1) * venues[chosen])
    for block in there[chosen]:
        if left < blocks[block]:
            u = uniform(mine, 2)
            skewed = u * math.sqrt(u) if crowded else u
            return sum(blocks[:block]) + int(blocks[block] * skewed)
        left -= blocks[block]
    raise AssertionError


# ---- a day


class Person:
    """One person on one day."""

    def __init__(self, city, person, day):
        self.city, self.day = city, day
        self.role, self.home, self.place = (city[k][person] for k in ("role", "home", "place"))
        self.seed_key = stream(city["seed"], 1)
        self.key = key_of(self.seed_key, 2 * person)
        self.habits = city["habits"]
        self.pace = self.pace_of(self.key)

    def pace_of(self, key):
        return self.habits["walk_speed"] * (1.0 + 0.12 * bell(key, 0)), 1.0 + 0.1 * bell(key, 1)

    def weekday(self, day):
        return (self.city["weekday"] + day) % 7

    def day_key(self, day):
        return key_of(self.key, 1_000 + day)

    def way(self, a, b):
        """The seconds from a venue to another, and whether one walks."""
        x, y, h = self.city["x"], self.city["y"], self.habits
        dx, dy = x[b] - x[a], y[b] - y[a]
        straight = math.sqrt(dx * dx + dy * dy)
        if straight <= h["walk_m"]:
            return (int(straight / self.pace[0]) + 1 if straight else 0), True
        length = abs(dx) + abs(dy)
        speed = (h["ride_speed"] + min(10.0, length * h["ride_gain"])) * self.pace[1]
        return min(int(length / speed) + 1, 5_400), False

    def venue_near(self, key, kind, base, reach):
        c = self.city
        u = uniform(key, 0)
        far = min(reach * u / (1.0 - u), 20_000.0)
        col = int(max(c["x"][base] + far * (2.0 * uniform(key, 1) - 1.0), 0.0) / c["block_m"])
        row = int(max(c["y"][base] + far * (2.0 * uniform(key, 2) - 1.0), 0.0) / c["block_m"])
        col, row = min(col, c["side"] - 1), min(row, c["side"] - 1)
        there = {}
        for v, k in enumerate(c["kind"]):
            if k == kind:
                there.setdefault(c["block"][v], []).append(v)
        nearest = min(there, key=lambda b: ((b // c["side"] - row) ** 2 + (b % c["side"] - col) ** 2, b))
        u = uniform(key, 3)
        return there[nearest][int(len(there[nearest]) * (u if kind == HOME else u * u))]

    def at_midnight(self, day):
        weekday = self.weekday(day)
        if self.role == 3 and 1 <= weekday <= 5:
            monday = day - weekday
            if (monday + 21 + int(uniform(self.key, 4) * 21.0)) // 7 % 3 == 0:
                return self.place
        key = self.day_key(day)
        if weekday >= 5 and self.role not in (0, 2) and uniform(key, 0) < self.habits["late"]:
            return self.venue_near(key_of(key, 15), LEISURE, self.home, 3.0 * self.habits["reach_m"])
        return self.home

    def works(self):
        weekday = self.weekday(self.day)
        if self.place < 0:
            return False
        if self.role == 4:
            rest = int(uniform(self.key, 5) * 7.0)
            return weekday not in (rest, (rest + 1) % 7)
        return self.role != 0 and weekday < 5

    def stops(self):
        """Venues with the first second of the day there, and the first after it."""
        now, then = self.at_midnight(self.day), self.at_midnight(self.day + 1)
        key = self.day_key(self.day)
        self.out = [[now, 0, DAY]]
        free = 0
        if now != self.home:
            u = uniform(key, 1)
            hours = 6.0 + 1.5 * u if now == self.place else 0.5 + 2.5 * u
            self.go(self.home, int(hours * 3600.0))
            free = 46_800 if now == self.place else 36_000
        if self.works() and self.place not in (now, then):
            self.work_day(key)
        else:
            self.free_day(key, free)
        if then != self.home:
            takes = self.way(self.home, then)[0]
            wait = int((6_600.0 if then == self.place else 5_400.0) * uniform(key, 9))
            self.go(then, max(DAY - takes - 600 - wait, self.out[-1][1] + 1))
        elif uniform(key, 8) < self.habits["evening"]:
            leave = max(68_400, self.out[-1][1] + 1_800) + int(3_600.0 * uniform(key, 12))
            self.outing(3, self.key, key, self.home, self.home, leave, 80_400)
        return self.out

    def go(self, venue, leave):
        takes = self.way(self.out[-1][0], venue)[0]
        self.out[-1][2] = leave
        self.out.append([venue, leave + takes, DAY])

    def outing(self, slot, key, day_key, base, back, leave, latest):
        h, draw = self.habits, 16 + 8 * slot
        kind = RESTAURANT
        if slot:
            u = uniform(day_key, draw)
            shares = (h["shops"], h["shops"] + h["restaurants"], h["shops"] + h["restaurants"] + h["leisure"])
            kind = next((k for k, s in zip((SHOP, RESTAURANT, LEISURE), shares, strict=True) if u < s), HOME)
        least, more = h[NAMES[kind]]
        u = uniform(day_key, draw + 1)
        dwell = int(60.0 * (least + more * u * u))
        u = uniform(day_key, draw + 2)
        if u >= 0.85:
            where = key_of(day_key, draw + 3)
        else:
            where = key_of(key, 64 + 3 * kind + (0 if u < 0.5 else 1 if u < 0.72 else 2))
        venue = self.venue_near(where, kind, base, h["reach_m"])
        leave = max(leave, self.out[-1][1] + 300)
        there, away = self.way(self.out[-1][0], venue)[0], self.way(venue, back)[0]
        if venue in (self.out[-1][0], back) or leave + there + dwell + away > latest:
            return False
        self.go(venue, leave)
        self.go(back, leave + there + dwell)
        return True

    def work_day(self, key):
        h, pupil = self.habits, self.role == 2
        takes = self.way(self.home, self.place)[0]
        if pupil:
            starts = h["school_starts"] + 0.15 * bell(key, 2)
            lasts = h["school_lasts"] + 0.1 * bell(key, 3)
        else:
            starts = h["work_starts"] + 0.6 * bell(self.key, 2) + 0.15 * bell(key, 2)
            lasts = h["work_lasts"] + 0.5 * bell(self.key, 3) + 0.3 * bell(key, 3)
        leave = max(int(starts * 3600.0) - takes, self.out[-1][1] + 300)
        self.go(self.place, leave)
        arrives = leave + takes
        off = max(min(arrives + int(lasts * 3600.0), 72_000), arrives + 3_600)
        if not pupil and uniform(key, 4) < h["lunch"]:
            noon = int((11.5 + 1.5 * uniform(key, 6)) * 3600.0)
            self.outing(0, self.key, key, self.place, self.place, noon, off - 1_800)
        if uniform(key, 5) < h["after_work"]:
            base = self.home if uniform(key, 7) < 0.6 else self.place
            if self.outing(1, self.key, key, base, self.home, off, 80_400):
                return
        self.go(self.home, off)

    def free_day(self, key, free):
        h = self.habits
        house = key_of(self.seed_key, 2 * self.home + 1)
        house_day = key_of(house, 1_000 + self.day)
        meets = int((13.5 + 2.0 * uniform(house_day, 12)) * 3600.0)
        if uniform(key, 6) < h["morning"]:
            leave = max(free, 28_800) + int(10_800.0 * uniform(key, 13))
            self.outing(1, self.key, key, self.home, self.home, leave, meets - 300)
        joint = self.weekday(self.day) >= 5 and uniform(house_day, 10) < h["joint"]
        if joint and free <= meets and uniform(key, 11) < 0.8:
            self.pace, own = self.pace_of(house), self.pace
            self.outing(4, house, house_day, self.home, self.home, meets, 80_400)
            self.pace = own
            return
        if uniform(key, 7) < h["afternoon"]:
            leave = max(free, 48_600) + int(12_600.0 * uniform(key, 14))
            self.outing(2, self.key, key, self.home, self.home, leave, 80_400)

    def legs(self):
        """``(t0, t1, x0, y0, x1, y1, venue, mode)`` of the day, seconds from the city's start."""
        x, y, base = self.city["x"], self.city["y"], self.day * DAY
        out, before = [], None
        for venue, arrived, left in self.stops():
            here = (x[venue], y[venue])
            if before and arrived > before[2]:
                away, begins = (x[before[0]], y[before[0]]), before[2]
                dx, dy = here[0] - away[0], here[1] - away[1]
                walks = math.sqrt(dx * dx + dy * dy) <= self.habits["walk_m"]
                across = abs(here[0] - away[0]), abs(here[1] - away[1])
                first = (venue + self.day) % 2
                turns = begins
                if not walks:
                    turns += int((arrived - begins) * (across[first] / (across[0] + across[1])))
                if begins < turns < arrived:
                    corner = (here[0], away[1]) if first == 0 else (away[0], here[1])
                    out.append((base + begins, base + turns, *away, *corner, -1, 2))
                    out.append((base + turns, base + arrived, *corner, *here, -1, 2))
                else:
                    out.append((base + begins, base + arrived, *away, *here, -1, 1 if walks else 2))
            if left > arrived:
                out.append((base + arrived, base + left, *here, *here, venue, 0))
            before = (venue, arrived, left)
        return out


def legs(city, person, day):
    return Person(city, person, day).legs()


# ---- what is true


def position(path, second):
    """Where somebody is at a second of their legs."""
    t0, t1, x0, y0, x1, y1 = next(leg[:6] for leg in path if leg[0] <= second < leg[1])
    part = (second - t0) / (t1 - t0)
    return x0 + (x1 - x0) * part, y0 + (y1 - y0) * part


def runs(values, start):
    """``(value, first second, first second after it)`` of equal values that follow one another."""
    out = []
    for i, value in enumerate(values):
        if out and out[-1][0] == value:
            out[-1][2] = start + i + 1
        else:
            out.append([value, start + i, start + i + 1])
    return [tuple(r) for r in out]


def stays(path, seconds, cell_m, origin):
    """``((col, row), start, end)``, second by second."""
    cells = []
    for t in seconds:
        x, y = position(path, t)
        cells.append((math.floor((x - origin[0]) / cell_m), math.floor((y - origin[1]) / cell_m)))
    return runs(cells, seconds[0])


def visits(path):
    """``(venue, start, end)``; a visit over midnight is one."""
    out = []
    for t0, t1, *_, venue, _mode in path:
        if venue >= 0:
            if out and out[-1][0] == venue and out[-1][2] == t0:
                out[-1][2] = t1
            else:
                out.append([venue, t0, t1])
    return [tuple(v) for v in out]


def together(places, asked, least, within):
    """``(a, b, place, start, end)`` of those asked for with everybody; ``places``: ``(place, start, end)``."""
    out = []
    for a in asked:
        for b, theirs in places.items():
            for place, start, end in places[a]:
                for other, since, until in theirs:
                    low, high = max(start, since, within[0]), min(end, until, within[1])
                    if a != b and place == other and high - low >= least:
                        out.append((a, b, place, low, high))
    return sorted(out, key=lambda m: (m[0], m[1], m[3], m[2]))


# ---- an outbreak


def spread(seed, city, places, courses, infected, rates, close, before, after, day):
    """Infect on one day; ``infected`` is ``{device: (second, infector, venue, met at)}``, and is added to.

    ``places`` are the visits ``(venue, start, end)`` of the day of each device; ``courses`` have
    ``(infectious from, until, onset, force)`` of those who were infected on earlier days.
    """
    key = stream(seed, 41)
    new = {}
    for a, (first, last, onset, force) in courses.items():
        for venue, start, end in places[a]:
            low, high = max(start, first), min(end, last)
            others = [
                (b, s, e)
                for b, theirs in places.items()
                for v, s, e in theirs
                if b != a and v == venue and s < high and e > low
            ]
            if low >= high:
                continue
            for b, s, e in others:
                since, until = max(low, s), min(high, e)
                if b in infected and infected[b][0] < day:
                    continue
                pair = key_of(key_of(key_of(key_of(key, a), start), b), s)
                since_onset = 0.5 * (since + until) - onset
                height = 1.0 + since_onset / before if since_onset < 0.0 else 1.0 - since_onset / after
                rate = rates[city["kind"][venue]] * force * max(0.0, height)
                share = 1.0 if city["kind"][venue] == HOME else close / len(others)
                if rate <= 0.0 or uniform(pair, 0) >= share:
                    continue
                at = since - math.log(1.0 - uniform(pair, 1)) / rate * 3600.0
                if at < until:
                    found = (int(at), a, venue, since)
                    if b not in new or found[:2] < new[b][:2]:
                        new[b] = found
    infected.update(new)


def course(seed, device, at, d):
    """What becomes of somebody infected at a second; ``d`` are the figures of the disease by name."""
    key = key_of(stream(seed, 40), device)
    u = [0.0] + [uniform(key, k) for k in range(1, 5)]
    days = d["incubation_median_d"] * math.exp(d["incubation_spread"] * bell(key, 0))
    onset = at + int(min(max(days, 1.5), 14.0) * 86_400.0)
    symptoms = u[1] >= d["asymptomatic"]
    low, high = d["delay_d"]
    confirmed = (onset if symptoms else at + 4 * DAY) + int((low + (high - low) * u[3]) * 86_400.0)
    if u[2] >= (d["found"] if symptoms else d["found_without"]):
        confirmed = None
    s = d["superspreaders"]
    force = 1.0 if s in (0.0, 1.0) else 0.8 / s if u[4] < s else 0.2 / (1.0 - s)
    return {
        "from": max(at + DAY, onset - int(d["before_onset_d"] * 86_400.0)),
        "until": onset + int(d["after_onset_d"] * 86_400.0),
        "onset": onset,
        "symptoms": symptoms,
        "confirmed": confirmed,
        "force": force * (1.0 if symptoms else d["asymptomatic_force"]),
    }


def outbreak(seed, city, days, first, d):
    """``{device: (second, infector, venue, met at)}`` and each one's course; ``first`` are the seconds of the first."""
    infected = {device: (at, None, None, None) for device, at in first.items()}
    courses = {device: course(seed, device, at, d) for device, at in first.items()}
    rates = [d["per_hour"] * s for s in d["settings"]]
    for day in range(days):
        places = {p: visits(legs(city, p, day)) for p in range(len(city["home"]))}
        able = {}
        for device, c in courses.items():
            stops = d["isolated"] and c["confirmed"] is not None
            until = min(c["until"], c["confirmed"]) if stops else c["until"]
            if c["from"] < (day + 1) * DAY and until > day * DAY:
                able[device] = (c["from"], until, c["onset"], c["force"])
        hours = d["before_onset_d"] * 86_400.0, d["after_onset_d"] * 86_400.0
        spread(seed, city, places, able, infected, rates, d["close"], *hours, day * DAY)
        for device, (at, *_rest) in infected.items():
            if device not in courses:
                courses[device] = course(seed, device, at, d)
    return infected, courses
