"use strict";
// One page about cases and their companions. Everything comes from the data in this file, and is put on the page as
// text, never as markup; nothing is loaded.
(() => {
  const DATA = JSON.parse(document.getElementById("data").textContent);
  const WORDS = DATA.words, CELLS = DATA.cells, LANG = document.documentElement.lang;
  const PAGE = 50, PRINTED = 500, LANES = 20, EPISODES = 200, SHOWN_CELLS = 12, LETTERS = "ABCDEF";
  const INK = "#222222", MUTED = "#595959", SHARED = "#000000", OTHER = "#BDBDBD", EMPTY = "#F2F2F2";
  // told apart by colour-blind eyes; in grey the letters do it
  const HUES = ["#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#D55E00"];
  const RAMP = [[237, 229, 141], [122, 197, 120], [52, 150, 140], [55, 95, 140], [62, 45, 110]];
  const COLUMNS = [
    ["id", "companion_id"], ["shared", "shared"], ["longest", "longest"], ["n", "episodes"], ["cells", "cells"],
    ["first", "first"], ["last", "last"], ["met", "met"], ["case", "case_dwell"], ["its", "comp_dwell"], ["crowd", "crowd"],
  ];
  const $ = (id) => document.getElementById(id);
  const say = (key, ...parts) => (WORDS[key] || key).replace(/\{(\d)\}/g, (_, i) => String(parts[i]));
  const count = (n) => n.toLocaleString(LANG);
  const MET = WORDS.met_values.split("|");

  // ---- small helpers -------------------------------------------------------------------------------------------
  function el(name, props = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(props)) {
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.filter((c) => c !== null));
    return node;
  }
  function svg(name, props = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }
  function drawing(width, height, label) {
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  }
  function text(x, y, words, props = {}) {
    return svg("text", { x, y, "font-size": 11, fill: MUTED, ...props }, words);
  }
  function titled(node, words) {
    node.append(svg("title", {}, words));
    return node;
  }
  // what cannot be seen, or turns the writing round, is written out: an id must not look like another
  const HIDDEN = /[\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;
  const plain = (id) => id.replace(HIDDEN, (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
  function short(id, most = 48) {
    const letters = Array.from(plain(id));
    return letters.length > most ? `${letters.slice(0, most - 9).join("")}…${letters.slice(-8).join("")}` : letters.join("");
  }
  const bdi = (words, props = {}) => el("bdi", props, words);

  function offsetAt(t) {
    let found = DATA.offsets[0][1];
    for (const [from, offset] of DATA.offsets) if (from <= t) found = offset;
    return found;
  }
  const two = (n) => String(n).padStart(2, "0");
  function local(t) {
    return new Date((t + offsetAt(t)) * 1000);
  }
  function day(d) {
    return `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
  }
  function moment(t) {
    const d = local(t), s = d.getUTCSeconds();
    return `${day(d)} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${s ? ":" + two(s) : ""}`;
  }
  function iso(t) {
    const d = local(t), o = offsetAt(t), a = Math.abs(o);
    return `${day(d)}T${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}` +
      `${o < 0 ? "-" : "+"}${two(Math.floor(a / 3600))}:${two(Math.floor(a / 60) % 60)}`;
  }
  function dayName(d) {
    const month = WORDS.months.split(" ")[d.getUTCMonth()];
    return LANG.startsWith("zh") ? `${month}${d.getUTCDate()}日` : `${d.getUTCDate()} ${month}`;
  }
  function length(s) {
    const parts = [[Math.floor(s / 3600), "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
    return parts.filter(([n]) => n).map(([n, unit]) => say(unit, count(n))).join(" ") || say("s", 0);
  }

  // on the list, whole minutes from an hour on; the exact figures stand with the evidence and in the downloads
  const rough = (s) => length(s >= 3600 ? s - (s % 60) : s);
  function roughMoment(t) {
    const d = local(t);
    return `${dayName(d)} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  }

  // ---- what is looked at ---------------------------------------------------------------------------------------
  const state = { number: 0, sort: "crowd", down: false, text: "", minutes: 0, met: "", cell: "", crowd: Infinity, page: 0, open: new Set(), marked: -1 };
  let one, list, evidence, starts, rows, cellsOf, letterOf, brings, dwells;

  function take(number) {
    Object.assign(state, { number, page: 0, marked: -1, cell: "" });
    state.open.clear();
    one = DATA.cases[number];
    list = one.list;
    evidence = one.evidence;
    starts = new Int32Array(list.id.length + 1);
    list.n.forEach((n, i) => { starts[i + 1] = starts[i] + n; });
    dwells = new Map();
    for (const [cell, , s] of one.stays) dwells.set(cell, (dwells.get(cell) || 0) + s);
    brings = new Map();
    for (let i = 0; i < list.id.length; i++) {
      for (const cell of new Set(evidence.cell.slice(starts[i], starts[i + 1]))) brings.set(cell, (brings.get(cell) || 0) + 1);
    }
    cellsOf = [...dwells.keys()].sort((a, b) => (brings.get(b) || 0) - (brings.get(a) || 0) || dwells.get(b) - dwells.get(a) || a - b);
    letterOf = new Map(cellsOf.slice(0, LETTERS.length).map((cell, i) => [cell, i]));
  }
  const nameOf = (cell) => (letterOf.has(cell) ? `${LETTERS[letterOf.get(cell)]}: ` : "") + short(CELLS.name[cell], 30);
  const colourOf = (cell) => (letterOf.has(cell) ? HUES[letterOf.get(cell)] : OTHER);

  function chosen() {
    const wanted = state.text.toLowerCase(), cell = state.cell === "" ? -1 : Number(state.cell);
    const kept = [];
    for (let i = 0; i < list.id.length; i++) {
      if (wanted && !list.id[i].toLowerCase().includes(wanted)) continue;
      if (list.shared[i] < state.minutes * 60 || list.crowd[i] > state.crowd) continue;
      if (state.met !== "" && list.met[i] !== Number(state.met)) continue;
      if (cell >= 0 && !evidence.cell.slice(starts[i], starts[i + 1]).includes(cell)) continue;
      kept.push(i);
    }
    // rows come in the order of their ids; where the rest is equal the longer time together goes first
    const values = list[state.sort], sign = state.down ? -1 : 1;
    if (state.sort === "id") return state.down ? kept.reverse() : kept;
    return kept.sort((a, b) => sign * (values[a] - values[b]) || list.shared[b] - list.shared[a] || a - b);
  }

  // ---- the list ------------------------------------------------------------------------------------------------
  function value(i, key) {
    if (key === "id") return bdi(short(list.id[i]));
    if (key === "first" || key === "last") return roughMoment(one.start + list[key][i]);
    if (key === "met") return MET[list.met[i]];
    if (["shared", "longest", "case", "its"].includes(key)) return rough(list[key][i]);
    return count(list[key][i]);
  }
  function drawList(all = false) {
    rows = chosen();
    const size = all ? PRINTED : PAGE, pages = Math.max(1, Math.ceil(rows.length / size));
    const page = all ? 0 : Math.min(state.page, pages - 1);
    const from = page * size, shown = rows.slice(from, from + size);
    const body = el("tbody");
    for (const i of shown) {
      const open = state.open.has(i), id = `evidence-${i}`;
      const button = el("button", {
        type: "button", class: "open", "aria-expanded": String(open), "aria-controls": open ? id : null, "data-row": i,
        onclick: () => toggle(i),
      }, bdi(short(list.id[i])));
      const row = el("tr", { class: open ? "is-open" : null }, el("th", { scope: "row" }, button));
      for (const [key] of COLUMNS.slice(1)) row.append(el("td", { class: `c-${key}` }, value(i, key)));
      body.append(row);
      if (open) body.append(el("tr", { class: "detail", id }, el("td", { colspan: COLUMNS.length }, detail(i))));
    }
    $("rows").replaceChildren(...body.childNodes);
    for (const head of document.querySelectorAll("#list-table thead th")) {
      const mine = head.dataset.key === state.sort;
      if (mine) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const order = say(state.down ? "sorted_down" : "sorted_up", say(COLUMNS.find(([key]) => key === state.sort)[1]));
    $("shown").textContent = !list.id.length ? say("no_companions") : !rows.length ? say("none")
      : say("shown", count(rows.length), count(list.id.length), count(from + 1), count(from + shown.length), order);
    $("page").textContent = say("page", count(page + 1), count(pages));
    $("prev").disabled = page === 0;
    $("next").disabled = page >= pages - 1;
    drawTimeline();
  }
  function toggle(i) {
    if (state.open.has(i)) {
      state.open.delete(i);
      if (state.marked === i) state.marked = -1;
    } else {
      state.open.add(i);
      state.marked = i;
    }
    drawList();
    drawDays();
    document.querySelector(`button[data-row="${i}"]`)?.focus({ preventScroll: true });
  }
  function detail(i) {
    const says = say("evidence_says", length(list.shared[i]), count(list.n[i]), count(list.cells[i]), length(list.longest[i]),
      length(list.case[i]), length(list.its[i]), count(list.crowd[i]));
    const heads = ["cell", "from", "until", "shared", "case_dwell", "comp_dwell", "met", "crowd"];
    const body = el("tbody");
    const last = Math.min(starts[i + 1], starts[i] + EPISODES);
    for (let k = starts[i]; k < last; k++) {
      const start = one.start + evidence.from[k];
      const crowd = count(evidence.crowd[k]) + (evidence.crowd[k] === 2 ? ` (${say("alone")})` : "");
      const values = [nameOf(evidence.cell[k]), moment(start), moment(start + evidence.s[k]), length(evidence.s[k]),
        length(evidence.case[k]), length(evidence.its[k]), MET[evidence.met[k]], crowd];
      body.append(el("tr", {}, ...values.map((v) => el("td", {}, v))));
    }
    const table = el("table", { class: "episodes" }, el("caption", {}, say("evidence_of", short(list.id[i], 80))),
      el("thead", {}, el("tr", {}, ...heads.map((key) => el("th", { scope: "col" }, say(key))))), body);
    const more = starts[i + 1] - last;
    return el("div", { class: "evidence" }, el("p", {}, says),
      el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": say("evidence_of", short(list.id[i], 80)) }, table),
      more ? el("p", {}, say("more_rows", count(more))) : null);
  }
  function drawControls() {
    const field = (label, control) => el("label", {}, el("span", {}, label), control);
    const refresh = (key, read) => (event) => {
      state[key] = read(event.target.value);
      state.page = 0;
      drawList();
    };
    const options = (select, pairs) => {
      select.append(el("option", { value: "" }, say("any")), ...pairs.map(([v, words]) => el("option", { value: v }, words)));
      return select;
    };
    const cells = options(el("select", { id: "by-cell", onchange: refresh("cell", String) }),
      cellsOf.filter((c) => brings.has(c)).map((c) => [c, `${nameOf(c)} (${count(brings.get(c))})`]));
    const met = options(el("select", { id: "by-met", onchange: refresh("met", String) }), MET.map((words, k) => [k, words]));
    const number = (id, key, none) => el("input", {
      id, type: "number", min: 0, inputmode: "numeric", oninput: refresh(key, (v) => (v === "" ? none : Number(v))),
    });
    $("controls").replaceChildren(
      field(say("search"), el("input", { id: "by-text", type: "search", autocomplete: "off", oninput: refresh("text", String) })),
      field(say("min_shared"), number("by-minutes", "minutes", 0)),
      field(say("crowd_filter"), number("by-crowd", "crowd", Infinity)),
      field(say("met_filter"), met), field(say("cell_filter"), cells),
      el("span", { class: "buttons" },
        el("button", { id: "clear", type: "button", onclick: clear }, say("clear")),
        el("button", { id: "csv", type: "button", onclick: () => download("companions", listCsv()) }, say("csv")),
        el("button", { id: "csv-evidence", type: "button", onclick: () => download("evidence", evidenceCsv()) }, say("csv_evidence")),
        el("button", { type: "button", onclick: () => window.print() }, say("print"))));
    Object.assign(state, { text: "", minutes: 0, met: "", cell: "", crowd: Infinity });
  }
  function clear() {
    drawControls();
    state.page = 0;
    drawList();
    $("by-text").focus();
  }
  function drawHead() {
    $("heads").replaceChildren(...COLUMNS.map(([key, words]) => el("th", { scope: "col", "data-key": key, class: `c-${key}` },
      el("button", { type: "button", onclick: () => {
        // what is looked for first: the rarest meetings, the longest time together
        Object.assign(state, state.sort === key ? { down: !state.down } : { sort: key, down: !["id", "crowd", "first"].includes(key) });
        state.page = 0;
        drawList();
      } }, say(words)))));
  }

  // ---- downloads -----------------------------------------------------------------------------------------------
  // a spreadsheet takes what begins so for a formula: an apostrophe keeps it text
  const FORMULA = /^[\s\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
  function field(v) {
    if (typeof v === "number") return String(v);
    const safe = FORMULA.test(v) && !(DATA.numbers && /^-?\d+$/.test(v)) ? `'${v}` : v;
    return `"${safe.replaceAll('"', '""')}"`;
  }
  const csv = (lines) => "\ufeff" + lines.map((line) => line.map(field).join(",") + "\r\n").join("");
  function listCsv() {
    const head = ["case_id", "as_of", "companion_id", "n_episodes", "n_cells", "shared_s", "longest_s", "first_started_at",
      "last_finished_at", "case_dwell_s", "companion_dwell_s", "dwell_met_by", "crowd"];
    return csv([head, ...rows.map((i) => [one.id, iso(one.as_of), list.id[i], list.n[i], list.cells[i], list.shared[i],
      list.longest[i], iso(one.start + list.first[i]), iso(one.start + list.last[i]), list.case[i], list.its[i],
      DATA.met[list.met[i]], list.crowd[i]])]);
  }
  function evidenceCsv() {
    const lines = [["case_id", "as_of", "companion_id", "cell", "started_at", "finished_at", "shared_s", "case_dwell_s",
      "companion_dwell_s", "dwell_met_by", "crowd"]];
    for (const i of rows) {
      for (let k = starts[i]; k < starts[i + 1]; k++) {
        const start = one.start + evidence.from[k];
        lines.push([one.id, iso(one.as_of), list.id[i], CELLS.name[evidence.cell[k]], iso(start), iso(start + evidence.s[k]),
          evidence.s[k], evidence.case[k], evidence.its[k], DATA.met[evidence.met[k]], evidence.crowd[k]]);
      }
    }
    return csv(lines);
  }
  function download(name, body) {
    const url = URL.createObjectURL(new Blob([body], { type: "text/csv;charset=utf-8" }));
    const link = el("a", { href: url, download: `${name}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  // ---- the case, day by day ------------------------------------------------------------------------------------
  function pieces(t, s) {
    // cut at local midnights: [number of the day, second of the day, seconds]
    const found = [];
    while (s > 0) {
      const at = t + offsetAt(t), of = Math.floor(at / 86400), into = at - of * 86400, part = Math.min(s, 86400 - into);
      found.push([of, into, part]);
      t += part;
      s -= part;
    }
    return found;
  }
  function drawDays() {
    const box = $("days"), wide = widthOf(box), left = 62, top = 20, high = 17, plot = wide - left - 8;
    const firstDay = Math.floor((one.start + offsetAt(one.start)) / 86400);
    const lastDay = Math.floor((one.end - 1 + offsetAt(one.end - 1)) / 86400);
    const n = lastDay - firstDay + 1, picture = drawing(wide, top + n * high + 34, say("day_aria"));
    const x = (second) => left + (second / 86400) * plot;
    const bar = (t, s, colour, dy, h, words) => {
      for (const [of, into, part] of pieces(t, s)) {
        const shape = svg("rect", { x: x(into).toFixed(2), y: top + (of - firstDay) * high + dy, width: Math.max(0.6, (part / 86400) * plot).toFixed(2), height: h, fill: colour });
        picture.append(titled(shape, words));
      }
    };
    const letters = [];
    bar(one.start, Math.max(0, one.end - one.start), "#FAFAFA", 1, high - 2, say("legend_none"));
    for (const [cell, from, s] of one.stays) {
      const start = one.start + from;
      bar(start, s, colourOf(cell), 1, high - 2, `${nameOf(cell)}: ${moment(start)} – ${moment(start + s)}`);
      if (!letterOf.has(cell)) continue;
      for (const [of, into, part] of pieces(start, s)) {
        if ((part / 86400) * plot > 13) letters.push(text(x(into + part / 2), top + (of - firstDay) * high + 10, LETTERS[letterOf.get(cell)], { fill: SHARED, "text-anchor": "middle", "font-size": 10 }));
      }
    }
    picture.append(...letters);
    if (state.marked >= 0) {
      for (let k = starts[state.marked]; k < starts[state.marked + 1]; k++) {
        const start = one.start + evidence.from[k];
        bar(start, evidence.s[k], SHARED, high - 6, 5, `${moment(start)} – ${moment(start + evidence.s[k])}`);
      }
    }
    for (let k = 0; k < n; k++) {
      const d = new Date((firstDay + k) * 86400_000);
      picture.append(text(left - 6, top + k * high + 12, dayName(d), { "text-anchor": "end" }));
    }
    const step = wide < 500 ? 6 : 3;
    for (let h = 0; h <= 24; h += step) {
      picture.append(svg("line", { x1: x(h * 3600), x2: x(h * 3600), y1: top, y2: top + n * high, stroke: "#C8C8C8", "stroke-width": h % 24 ? 0.5 : 1 }));
      picture.append(text(x(h * 3600), top - 6, String(h), { "text-anchor": h === 24 ? "end" : "middle" }));
    }
    picture.append(text(left, top + n * high + 22, say("hour", DATA.tz)));
    const mark = (colour, words) => el("li", {}, swatch(colour), words);
    const shared = state.marked < 0 ? say("legend_shared_none") : say("legend_shared", short(list.id[state.marked], 30));
    const legend = el("ul", { class: "legend" }, ...cellsOf.filter((c) => letterOf.has(c)).map((c) => mark(colourOf(c), nameOf(c))),
      cellsOf.length > LETTERS.length ? mark(OTHER, say("legend_other")) : null, mark("#FAFAFA", say("legend_none")), mark(SHARED, shared));
    box.replaceChildren(one.stays.length ? picture : el("p", {}, say("never")), legend);
  }
  function swatch(colour) {
    const box = svg("svg", { width: 14, height: 12, "aria-hidden": "true" });
    box.append(svg("rect", { width: 13, height: 11, x: 0.5, y: 0.5, fill: colour, stroke: "#777777", "stroke-width": 0.6 }));
    return box;
  }

  // ---- the map -------------------------------------------------------------------------------------------------
  function shade(n, most) {
    if (!n) return EMPTY;
    const at = most > 1 ? ((n - 1) / (most - 1)) * (RAMP.length - 1) : RAMP.length - 1, k = Math.min(Math.floor(at), RAMP.length - 2);
    return `rgb(${RAMP[k].map((v, j) => Math.round(v + (RAMP[k + 1][j] - v) * (at - k))).join(",")})`;
  }
  function drawMap() {
    const box = $("map"), known = cellsOf.filter((c) => CELLS.at[c]);
    if (!known.length) {
      box.replaceChildren(el("p", {}, say(one.stays.length ? "map_none" : "never")));
      return;
    }
    const corners = known.flatMap((c) => CELLS.shape[c] || [CELLS.at[c]]);
    const low = [0, 1].map((k) => corners.reduce((v, p) => Math.min(v, p[k]), Infinity));
    const high = [0, 1].map((k) => corners.reduce((v, p) => Math.max(v, p[k]), -Infinity));
    const span = Math.max(high[0] - low[0], high[1] - low[1], 1), wide = Math.min(widthOf(box), 620), pad = 24;
    const scale = Math.min((wide - 2 * pad) / Math.max(high[0] - low[0], span / 4), 460 / Math.max(high[1] - low[1], span / 4));
    const tall = Math.max(180, (high[1] - low[1]) * scale + 2 * pad + 26);
    const dx = (wide - (high[0] - low[0]) * scale) / 2, dy = (tall - 26 - (high[1] - low[1]) * scale) / 2;
    const xy = ([a, b]) => [dx + (a - low[0]) * scale, tall - 26 - dy - (b - low[1]) * scale];
    const picture = drawing(wide, tall, say("map_aria", count(known.length)));
    const most = Math.max(1, ...brings.values());
    const lines = [], labels = [];
    for (const c of [...known].reverse()) {
      const [x, y] = xy(CELLS.at[c]), n = brings.get(c) || 0, words = `${nameOf(c)}: ${count(n)} · ${length(dwells.get(c))}`;
      const shape = (CELLS.shape[c] || []).map(xy), side = shape.length ? Math.abs(shape[1][0] - shape[0][0]) : 0;
      const mark = side >= 9 ? svg("polygon", { points: shape.map((p) => p.map((v) => v.toFixed(1)).join()).join(" ") }) : svg("circle", { cx: x, cy: y, r: 5.5 });
      for (const [key, v] of Object.entries({ fill: shade(n, most), stroke: "#6E6E6E", "stroke-width": 0.8, class: n ? "pick" : "" })) mark.setAttribute(key, v);
      if (n) mark.addEventListener("click", () => only(c));
      picture.append(titled(mark, words));
      if (letterOf.has(c)) labels.push([side >= 20 ? x : x + 12, side >= 20 ? y : y - 8, LETTERS[letterOf.get(c)]]);
    }
    for (const [[a, b], n] of ways()) {
      const [p, q] = [xy(CELLS.at[a]), xy(CELLS.at[b])];
      lines.push(svg("line", { x1: p[0], y1: p[1], x2: q[0], y2: q[1], stroke: INK, "stroke-opacity": 0.45, "stroke-linecap": "round", "stroke-width": (0.8 + Math.log2(n)).toFixed(2), class: "way" }));
    }
    picture.append(...lines);
    for (const [x, y, letter] of labels) {
      picture.append(svg("circle", { cx: x, cy: y, r: 8.5, fill: "#FFFFFF", stroke: INK, "stroke-width": 0.8, class: "way" }),
        text(x, y + 4, letter, { "text-anchor": "middle", fill: INK, "font-weight": "bold", class: "way" }));
    }
    const metres = 10 ** Math.floor(Math.log10((wide * 0.45) / scale)), bar = [5, 2, 1].map((k) => k * metres).find((m) => m * scale <= wide * 0.45);
    picture.append(svg("path", { d: `M${pad} ${tall - 15}v5h${(bar * scale).toFixed(1)}v-5`, fill: "none", stroke: INK }),
      text(pad + bar * scale + 6, tall - 9, bar >= 1000 ? say("km", count(bar / 1000)) : say("m", count(bar))));
    const missing = cellsOf.length - known.length;
    box.replaceChildren(picture, ramp(most), el("p", { class: "note" }, say("map_note") + (missing ? ` ${say("not_drawn", count(missing))}.` : "")));
  }
  function ways() {
    const counts = new Map();
    for (let k = 1; k < one.stays.length; k++) {
      const [a, b] = [one.stays[k - 1][0], one.stays[k][0]].sort((p, q) => p - q);
      if (a !== b && CELLS.at[a] && CELLS.at[b]) counts.set(`${a} ${b}`, (counts.get(`${a} ${b}`) || 0) + 1);
    }
    return [...counts].map(([key, n]) => [key.split(" ").map(Number), n]);
  }
  function ramp(most) {
    const steps = most > 1 ? [...new Set([1, Math.ceil(most / 4), Math.ceil(most / 2), Math.ceil((3 * most) / 4), most])] : [1];
    return el("ul", { class: "legend" }, el("li", {}, `${say("brings")}:`), el("li", {}, swatch(EMPTY), "0"),
      ...steps.map((n) => el("li", {}, swatch(shade(n, most)), count(n))));
  }
  function drawCells() {
    const body = el("tbody");
    for (const c of cellsOf.slice(0, SHOWN_CELLS)) {
      const n = brings.get(c) || 0;
      body.append(el("tr", {}, el("th", { scope: "row" }, nameOf(c)), el("td", {}, count(n)), el("td", {}, rough(dwells.get(c))),
        el("td", {}, n ? el("button", { type: "button", "aria-label": `${say("only")}: ${nameOf(c)}`, onclick: () => only(c) }, say("only")) : "")));
    }
    const table = el("table", {}, el("caption", {}, say("table_cells")), el("thead", {}, el("tr", {},
      ...["cell", "brings", "dwell"].map((key) => el("th", { scope: "col" }, say(key))), el("td", {}))), body);
    const more = cellsOf.length - SHOWN_CELLS;
    $("cells").replaceChildren(table, ...(more > 0 ? [el("p", { class: "note" }, say("more_cells", count(more)))] : []));
  }
  function only(cell) {
    drawControls();
    state.cell = String(cell);
    state.page = 0;
    $("by-cell").value = state.cell;
    drawList();
    $("list").scrollIntoView();
    $("by-cell").focus({ preventScroll: true });
  }

  // ---- the timeline of companions ------------------------------------------------------------------------------
  function drawTimeline() {
    const box = $("time"), first = rows.slice(0, LANES);
    if (!first.length) {
      box.replaceChildren(el("p", {}, say(list.id.length ? "none" : "no_companions")));
      return;
    }
    const wide = widthOf(box), left = wide < 500 ? 92 : 170, high = 17, top = 8, plot = wide - left - 10;
    const picture = drawing(wide, top + first.length * high + 40, say("time_aria", count(first.length)));
    const end = one.as_of, x = (t) => left + ((t - one.start) / (end - one.start)) * plot;
    const midnights = [];
    for (let t = one.start - (((one.start + offsetAt(one.start)) % 86400) + 86400) % 86400 + 86400; t < end; t += 86400) {
      midnights.push(t + offsetAt(one.start) - offsetAt(t)); // also where the clocks changed
    }
    const every = Math.ceil((midnights.length * 48) / plot);
    midnights.forEach((t, k) => {
      picture.append(svg("line", { x1: x(t), x2: x(t), y1: top, y2: top + first.length * high, stroke: "#DADADA", "stroke-width": k % every ? 0.5 : 1 }));
      if (k % every === 0) picture.append(text(x(t), top + first.length * high + 14, dayName(local(t)), { "text-anchor": "middle" }));
    });
    first.forEach((i, lane) => {
      const y = top + lane * high;
      picture.append(text(left - 6, y + 12, short(list.id[i], wide < 500 ? 12 : 22), { "text-anchor": "end", fill: INK, direction: "ltr", "unicode-bidi": "isolate" }));
      picture.append(svg("line", { x1: left, x2: left + plot, y1: y + high / 2, y2: y + high / 2, stroke: "#E6E6E6" }));
      for (let k = starts[i]; k < starts[i + 1]; k++) {
        const start = one.start + evidence.from[k];
        const bar = svg("rect", { x: x(start).toFixed(2), y: y + 4, width: Math.max(1.5, x(start + evidence.s[k]) - x(start)).toFixed(2), height: high - 8, fill: colourOf(evidence.cell[k]), stroke: INK, "stroke-width": 0.5 });
        picture.append(titled(bar, `${short(list.id[i])}, ${nameOf(evidence.cell[k])}: ${moment(start)} – ${moment(start + evidence.s[k])}`));
      }
    });
    picture.append(text(left, top + first.length * high + 34, say("days_axis", DATA.tz)));
    box.replaceChildren(picture, el("p", { class: "note" }, say("time_note", count(first.length))));
  }

  // ---- together ------------------------------------------------------------------------------------------------
  const widthOf = (box) => Math.max(300, Math.min(1090, Math.floor(box.clientWidth)));
  function drawPictures() {
    drawDays();
    drawMap();
    drawTimeline();
  }
  function show(number) {
    take(number);
    drawControls();
    drawHead();
    drawCells();
    drawList();
    drawDays();
    drawMap();
  }
  function start() {
    for (const node of document.querySelectorAll(".scripted")) node.hidden = false;
    if (DATA.cases.length > 1) {
      const select = el("select", { id: "choose", onchange: (event) => show(Number(event.target.value)) },
        ...DATA.cases.map((c, k) => el("option", { value: k }, `${short(c.id)} (${moment(c.as_of)})`)));
      $("choice").replaceChildren(el("label", {}, el("span", {}, say("choose_case")), select));
    }
    $("prev").addEventListener("click", () => { state.page = Math.max(0, state.page - 1); drawList(); });
    $("next").addEventListener("click", () => { state.page += 1; drawList(); });
    show(0);
    let waiting = 0, wide = window.innerWidth;
    window.addEventListener("resize", () => {
      if (window.innerWidth === wide) return;
      wide = window.innerWidth;
      clearTimeout(waiting);
      waiting = setTimeout(drawPictures, 120);
    });
    window.addEventListener("beforeprint", () => drawList(true));
    window.addEventListener("afterprint", () => drawList());
    document.documentElement.dataset.ready = "yes";
  }
  start();
})();
