"use strict";
// The interactive part: the list of breaks with search, filters and sorting, and one break opened beside it.
// Data comes from the JSON blocks of this page and only ever becomes text nodes. What is shown lives in the address
// after "#", so that a view is a link and the back button works. Nothing is fetched, nothing is stored.
(() => {
  const PAGE = 100;
  const PRINTED = 200;
  const SEVERITY = { investigate: 0, manual_review: 1, auto_fix: 2 };
  const AGES = { "0-1": [0, 1], "2-3": [2, 3], "4-7": [4, 7], "8-30": [8, 30], "30+": [31, Infinity] };
  const CLASS_WORDS = { investigate: "Investigate", manual_review: "Manual review", auto_fix: "Auto fix" };
  const FILTERS = ["q", "class", "code", "psp", "currency", "state", "age", "min"];
  const FIRST_FIELDS = ["kind", "currency", "amount", "captured_amount", "status", "previous_status", "psp", "payment_order_id", "order_id", "psp_reference"];
  // Fields in which two records of one payment differ by nature: left unmarked, so that what is marked means something.
  const OWN_FIELDS = /^(entry_id|journal_id|natural_id|record_id|account|memo|kind_raw|fee|tax|net|fx_rate|.*_at|.*_on)$/;
  const AMOUNT = /^(-?)(\d+)(\.\d+)?$/;
  const SVG = "http://www.w3.org/2000/svg";

  const $ = (id) => document.getElementById(id);

  // --- small helpers ---------------------------------------------------------------------------------------------
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
    return node;
  }
  // Text whose written-out characters stand in a marked span.
  function marked(text) {
    if (!text.includes("⟨U+")) return [text];
    return text.split(/(⟨U\+[0-9A-F]{4,6}⟩)/).map((part, n) => (n % 2 ? el("span", { class: "hidden-char" }, part) : part));
  }
  function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [key, value] of Object.entries({ class: "icon", width: 14, height: 14, "aria-hidden": "true" })) svg.setAttribute(key, value);
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
  }
  function chip(name) {
    const known = name in SEVERITY;
    return el("span", { class: `chip chip-${known ? name : "other"}` }, icon(known ? name : "other"), known ? CLASS_WORDS[name] : name);
  }
  function money(text) {
    const match = AMOUNT.exec(text);
    return match ? match[1] + match[2].replace(/\B(?=(\d{3})+$)/g, ",") + (match[3] || "") : text;
  }
  const isNegative = (text) => typeof text === "string" && text.startsWith("-") && /[1-9]/.test(text);
  const isZero = (text) => typeof text === "string" && AMOUNT.test(text) && !/[1-9]/.test(text);
  function moneyCell(text, extra) {
    if (text === null || text === undefined) return el("td", { class: `num none ${extra}` }, el("span", { "aria-label": "none" }, "–"));
    return el("td", { class: `num ${extra}${isNegative(text) ? " negative" : ""}${isZero(text) ? " zero" : ""}` }, money(text));
  }
  const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  async function read(id) {
    const node = $(id);
    if (node.dataset.encoding !== "gzip") return JSON.parse(node.textContent);
    const text = atob(node.textContent);
    const bytes = new Uint8Array(text.length);
    for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  // --- the index -------------------------------------------------------------------------------------------------
  let index, column, texts, sizes, total;
  const word = (name, i) => index.words[column[name][i]];

  function prepare(data) {
    index = data;
    column = data.columns;
    total = column.id.length;
    const largest = (i) => Math.max(0, ...column.amounts[i].map((amount) => Math.abs(Number(amount ?? 0))));
    sizes = Float64Array.from(column.id, (_, i) => (column.difference[i] === null ? largest(i) : Math.abs(Number(column.difference[i]))));
  }
  function searchTexts() {
    texts ??= column.id.map((id, i) =>
      [id, column.key[i], word("code", i), word("psp", i), word("currency", i), word("owner", i), column.difference[i] ?? "", ...column.amounts[i].filter(Boolean), column.search[i]]
        .join(" ").toLowerCase());
    return texts;
  }

  // --- what is shown: the state in the address -------------------------------------------------------------------
  const EMPTY = { q: "", class: "", code: "", psp: "", currency: "", state: "open", age: "", min: "", sort: "", page: 1, break: "" };
  let state = { ...EMPTY };
  let matches = [];
  let current = -1; // index of the break that the cursor is on
  let order = null;

  function fromAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    const next = { ...EMPTY };
    for (const name of Object.keys(EMPTY)) if (given.has(name)) next[name] = given.get(name);
    next.page = Math.max(1, Number.parseInt(next.page, 10) || 1);
    return next;
  }
  function address(changes) {
    const shown = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...state, ...changes })) if (String(value) !== String(EMPTY[name])) shown.set(name, value);
    return `#${shown}`;
  }
  function remember(push) {
    const target = address({}) === "#" ? location.pathname + location.search : address({});
    history[push ? "pushState" : "replaceState"](null, "", target);
  }

  // --- filters and order -----------------------------------------------------------------------------------------
  function tests() {
    const list = [];
    for (const name of ["class", "code", "psp", "currency"]) {
      if (!state[name]) continue;
      const place = index.words.indexOf(state[name] === "(none)" ? "" : state[name]);
      const values = column[name];
      list.push((i) => values[i] === place);
    }
    if (state.state === "open") { const resolved = index.words.indexOf("resolved"); list.push((i) => column.state[i] !== resolved); }
    else if (state.state !== "all") { const place = index.words.indexOf(state.state); list.push((i) => column.state[i] === place); }
    if (AGES[state.age]) { const [low, high] = AGES[state.age]; list.push((i) => column.age[i] >= low && column.age[i] <= high); }
    const min = Number(state.min.replaceAll(",", ""));
    if (state.min && min > 0) list.push((i) => sizes[i] >= min);
    const terms = state.q.toLowerCase().split(/\s+/).filter(Boolean).map((term) => (/^-?[\d,]+(\.\d+)?$/.test(term) ? term.replaceAll(",", "") : term));
    if (terms.length) { const all = searchTexts(); list.push((i) => terms.every((term) => all[i].includes(term))); }
    return list;
  }
  function compare(name) {
    const byWord = (field) => (a, b) => (word(field, a) < word(field, b) ? -1 : word(field, a) > word(field, b) ? 1 : 0);
    const byValue = (field) => (a, b) => (column[field][a] < column[field][b] ? -1 : column[field][a] > column[field][b] ? 1 : 0);
    switch (name) {
      case "class": return (a, b) => (SEVERITY[word("class", a)] ?? 9) - (SEVERITY[word("class", b)] ?? 9);
      case "difference": return (a, b) => sizes[a] - sizes[b];
      case "age": return (a, b) => column.age[a] - column.age[b];
      case "key": return byValue("key");
      case "deadline": return (a, b) => { const x = column.deadline[a] || "9", y = column.deadline[b] || "9"; return x < y ? -1 : x > y ? 1 : 0; };
      default: return byWord(name);
    }
  }
  function select() {
    const list = tests();
    matches = [];
    for (let i = 0; i < total; i++) if (list.every((test) => test(i))) matches.push(i);
    const name = state.sort.replace(/^-/, "");
    if (order.includes(name)) {
      const by = compare(name), sign = state.sort.startsWith("-") ? -1 : 1;
      // Amounts of different currencies have no order: they stand apart, currency by currency.
      const currency = name === "difference" ? compare("currency") : () => 0;
      matches.sort((a, b) => currency(a, b) || sign * by(a, b) || a - b);
    }
  }

  // --- the list --------------------------------------------------------------------------------------------------
  function row(i) {
    const due = column.deadline[i], resolved = word("state", i) === "resolved";
    const sides = index.sides.length <= 4 ? column.amounts[i].map((amount) => moneyCell(amount, "")) : [];
    const link = el("a", { href: address({ break: column.id[i] }), title: column.key[i] }, marked(column.key[i]));
    return el("tr", { "data-i": i, class: [resolved ? "resolved" : "", i === current ? "current" : ""].join(" ").trim() || null },
      el("td", null, chip(word("class", i))), el("td", null, marked(word("code", i))), el("td", { class: "key" }, link),
      el("td", null, marked(word("psp", i))), el("td", null, marked(word("currency", i) || "–")), ...sides,
      moneyCell(column.difference[i], "lead strong"), el("td", { class: "num age" }, `${column.age[i]} d`),
      el("td", null, due ? el("time", { datetime: due, class: due <= index.night && !resolved ? "alert" : null }, due) : "–"),
      el("td", null, word("state", i)), el("td", null, word("fix", i) || "–"));
  }
  function draw(size = PAGE) {
    const pages = Math.max(1, Math.ceil(matches.length / size));
    state.page = Math.min(state.page, pages);
    const start = (state.page - 1) * size;
    const shown = matches.slice(start, start + size);
    const width = 10 + (index.sides.length <= 4 ? index.sides.length : 0);
    $("rows").replaceChildren(...(shown.length ? shown.map(row) : [el("tr", null, el("td", { colspan: width, class: "empty" }, total ? "No break fits these filters." : "No breaks tonight."))]));
    const all = matches.length === total ? "" : ` of ${number(total)}`;
    $("count").textContent = `${number(matches.length)}${all} ${matches.length === 1 && !all ? "break" : "breaks"}`;
    $("range").textContent = shown.length ? `${number(start + 1)}–${number(start + shown.length)} of ${number(matches.length)}` : "";
    $("pager").hidden = pages === 1;
    $("previous").disabled = state.page === 1;
    $("next").disabled = state.page === pages;
    for (const th of document.querySelectorAll("#list th[data-sort]")) {
      const name = state.sort.replace(/^-/, "");
      if (th.dataset.sort === name) th.setAttribute("aria-sort", state.sort.startsWith("-") ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    }
  }
  function showFilters() {
    for (const name of FILTERS) {
      const field = $(`f-${name}`);
      if (field.value !== state[name]) field.value = state[name];
      field.classList.toggle("on", state[name] !== EMPTY[name]);
    }
    $("clear").disabled = FILTERS.every((name) => state[name] === EMPTY[name]);
  }
  function refresh() { select(); showFilters(); draw(); }
  function change(changes) {
    state = { ...state, page: 1, ...changes };
    refresh();
    remember(false);
  }

  // --- one break -------------------------------------------------------------------------------------------------
  const chunks = new Map();
  async function detail(i) {
    const n = Math.floor(i / index.chunk);
    if (!chunks.has(n)) chunks.set(n, read(`data-detail-${n}`));
    return (await chunks.get(n))[i % index.chunk];
  }
  async function open(id) {
    const i = column.id.indexOf(id);
    if (i < 0) return showPanel(el("div", { class: "panel-head" }, panelLine(-1), el("h2", { id: "panel-title" }, marked(id)), el("p", null, "This page does not carry that break. Try: recon explain ", marked(id))));
    setCurrent(i);
    const d = await detail(i);
    if (state.break === id) showPanel(...panel(i, d));
  }
  function showPanel(...content) {
    const node = $("panel");
    node.replaceChildren(...content);
    node.scrollTop = 0;
    if (node.hidden) { node.hidden = false; node.focus({ preventScroll: true }); }
  }
  function closePanel() {
    $("panel").hidden = true;
    $("panel").replaceChildren();
    focusRow();
  }
  function setCurrent(i) {
    current = i;
    for (const tr of $("rows").children) tr.classList.toggle("current", Number(tr.dataset.i) === i);
  }
  const rowLink = () => document.querySelector(`#rows tr[data-i="${current}"] a`);
  function showRow() { rowLink()?.scrollIntoView({ block: "center" }); }
  function focusRow() {
    rowLink()?.focus({ preventScroll: true });
    rowLink()?.scrollIntoView({ block: "nearest" });
  }
  function go(id, push) {
    if (state.break === id) return;
    const opened = Boolean(state.break) !== Boolean(id);
    state.break = id;
    remember(push && opened);
    if (id) open(id); else closePanel();
  }
  function step(by) {
    if (!matches.length) return;
    const at = matches.indexOf(current);
    const to = at < 0 ? (by > 0 ? (state.page - 1) * PAGE : 0) : Math.min(matches.length - 1, Math.max(0, at + by));
    const page = Math.floor(to / PAGE) + 1;
    if (page !== state.page) { state.page = page; draw(); remember(false); }
    setCurrent(matches[to]);
    if (state.break) go(column.id[matches[to]], false);
    else focusRow();
  }

  function panelLine(i, ...first) {
    const button = (label, text, act, disabled) => { const node = el("button", { type: "button", "aria-label": label, disabled }, text); node.addEventListener("click", act); return node; };
    const at = matches.indexOf(i);
    return el("div", { class: "panel-line" }, ...first, el("span", { class: "end" },
      button("Previous break", "Previous", () => step(-1), at <= 0), button("Next break", "Next", () => step(1), at < 0 || at === matches.length - 1),
      button("Close this break", "Close", () => go("", false))));
  }
  function copyButton(label, text) {
    const node = el("button", { type: "button", "data-copy": text }, label);
    node.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(text); node.textContent = "Copied"; }
      catch { node.textContent = text; getSelection().selectAllChildren(node); }
      setTimeout(() => { if (node.textContent === "Copied") node.textContent = label; }, 1500);
    });
    return node;
  }
  function panel(i, d) {
    const parts = [el("div", { class: "panel-head" },
      panelLine(i, chip(word("class", i)), el("b", null, marked(word("code", i))), el("span", { class: "muted" }, word("state", i))),
      el("h2", { id: "panel-title" }, marked(column.key[i])),
      el("div", { class: "copies" }, copyButton("Copy id", column.id[i]), copyButton("Copy explain command", d.explain), el("span", { class: "muted key" }, marked(d.explain))))];
    parts.push(sums(i));
    if (d.why) parts.push(el("h3", null, "Why"), el("p", null, marked(d.why)));
    if (d.next) parts.push(el("p", { class: "next-step" }, el("b", null, "Next step"), el("span", null, marked(d.next))));
    if (d.reason) parts.push(el("p", { class: "reason" }, el("b", null, "Note: "), marked(d.reason)));
    parts.push(el("h3", null, "Records side by side"), records(i, d));
    if (d.fix) parts.push(...fix(d.fix));
    parts.push(...history_(i, d));
    return parts;
  }
  function sums(i) {
    const currency = word("currency", i);
    const item = (name, text, extra) => el("div", { class: extra }, el("dt", null, marked(name)),
      el("dd", { class: isNegative(text) ? "negative" : null }, text === null || text === undefined ? "–" : `${money(text)} ${currency}`));
    return el("dl", { class: "sums" }, ...index.sides.map((side, n) => item(side, column.amounts[i][n], "")), item("difference", column.difference[i], "difference"));
  }
  function records(i, d) {
    if (!d.records.length) return el("p", { class: "muted" }, "Tonight brought no record of it; the explain command tells of earlier nights.");
    const present = new Set(d.records.map((r) => r.side));
    const missing = index.sides.filter((side, n) => column.amounts[i][n] === null && !present.has(side) && expected(i, n));
    const rank = (side) => (index.sides.includes(side) ? index.sides.indexOf(side) : index.sides.length);
    // One column per record, and one for each side that should have had one, in the order of the sides.
    const columns = [...d.records, ...missing.map((side) => ({ side, none: true, fields: [] }))].sort((a, b) => rank(a.side) - rank(b.side));
    const seen = {}, count = {};
    for (const r of columns) count[r.side] = (count[r.side] ?? 0) + 1;
    const heads = columns.map((r) => { seen[r.side] = (seen[r.side] ?? 0) + 1; return count[r.side] > 1 ? `${r.side} ${seen[r.side]} of ${count[r.side]}` : r.side; });
    const maps = columns.map((r) => (r.none ? null : new Map(r.fields)));
    const given = maps.filter(Boolean);
    const names = [...new Set([...FIRST_FIELDS.filter((name) => given.some((m) => m.has(name))), ...given.flatMap((m) => [...m.keys()])])];
    const place = (r) => (r.line ? `${index.files[r.file][0]}:${r.line}` : index.files[r.file][0]);
    const about = [["File and line", place]];
    if (columns.some((r) => r.cleared)) about.push(["Cleared before", (r) => r.cleared || "–"]);
    const proof = [["Source", (r) => r.source], ["Record", (r) => r.id], ["SHA-256", (r) => index.files[r.file][1].slice(0, 12) || "–"]];
    const height = about.length + names.length + proof.length;
    const gap = (first) => (first ? el("td", { class: "no-record", rowspan: height }, el("span", null, "no record")) : null);
    const line = ([name, of], first) => el("tr", null, el("th", { scope: "row" }, name),
      columns.map((r) => (r.none ? gap(first) : el("td", { title: name === "SHA-256" ? index.files[r.file][1] || null : null }, marked(of(r))))));
    const body = [...about.map((entry, n) => line(entry, n === 0)), ...names.map((name) => fieldRow(name, maps)), ...proof.map((entry) => line(entry, false))];
    const note = d.more_records ? el("p", { class: "muted" }, `${number(d.more_records)} more records; the explain command lists all.`) : null;
    return el("div", { class: "scroll" }, el("table", { class: "records" }, el("caption", null, columns.length > 1 ? "≠ marks what differs between the records; times, memos, fees and the records\u2019 own ids are left out of that." : "The only record of this break."),
      el("thead", null, el("tr", null, el("th", { scope: "col" }, "Field"), heads.map((head) => el("th", { scope: "col" }, marked(head))))), el("tbody", null, body)), note);
  }
  // A side without an amount is missing only where the break names it: not every side speaks of every kind.
  function expected(i, n) { return Boolean(index.spoken[i] & (1 << n)); }
  // The value that most records hold; none where no value has more than the others.
  function majority(values) {
    const counts = new Map();
    for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
    const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
    return second && first[1] > second[1] ? first[0] : undefined;
  }
  function fieldRow(name, maps) {
    const values = maps.filter(Boolean).map((m) => m.get(name));
    const given = values.filter((v) => v !== undefined);
    const differ = new Set(given).size > 1;
    const strong = differ && !OWN_FIELDS.test(name);
    const usual = strong ? majority(given) : undefined;
    const isMoney = index.money.includes(name);
    const sign = () => el("span", { class: "sign", "aria-label": "differs: " }, "≠ ");
    const cell = (v) => {
      if (v === undefined) return el("td", { class: isMoney ? "absent num" : "absent" }, "–");
      const odd = strong && v !== usual;
      return el("td", { class: [odd ? "differs" : "", isMoney ? "num" : ""].join(" ").trim() || null }, odd ? sign() : null, marked(isMoney ? money(v) : v));
    };
    return el("tr", null, el("th", { scope: "row" }, marked(name)), values.map(cell));
  }
  function fix(f) {
    const head = el("h3", null, `Proposed fix: ${f.kind} `, el("span", { class: "muted" }, marked(`${f.template}, ${f.status}`)));
    const cell = (text) => el("td", null, marked(text));
    let table;
    if (f.postings.length) {
      const absolute = (text) => money(text.replace(/^-/, ""));
      table = el("table", null, el("caption", null, marked(f.memo || "Journal entry")),
        el("thead", null, el("tr", null, el("th", { scope: "col" }, "Account"), el("th", { scope: "col" }, "Cur."), el("th", { scope: "col", class: "num" }, "Debit"), el("th", { scope: "col", class: "num" }, "Credit"))),
        el("tbody", null, f.postings.map(([account, currency, amount]) => el("tr", null, el("th", { scope: "row" }, marked(account)), cell(currency),
          el("td", { class: "num" }, isNegative(amount) ? "" : absolute(amount)), el("td", { class: "num" }, isNegative(amount) ? absolute(amount) : "")))));
    } else {
      const seen = new Map(f.seen), set = new Map(f.set);
      table = el("table", null, el("caption", null, marked(`Change ${f.record}, only if it still holds what was seen`)),
        el("thead", null, el("tr", null, el("th", { scope: "col" }, "Field"), el("th", { scope: "col" }, "Seen"), el("th", { scope: "col" }, "Set to"))),
        el("tbody", null, [...new Set([...seen.keys(), ...set.keys()])].map((name) => el("tr", null, el("th", { scope: "row" }, marked(name)), cell(seen.get(name) ?? "–"), cell(set.get(name) ?? "unchanged")))));
    }
    const facts = el("dl", { class: "history" }, el("dt", null, "Fix"), el("dd", { class: "key" }, marked(f.id)), el("dt", null, "Idempotency key"), el("dd", { class: "key" }, marked(f.idempotency_key)), el("dt", null, "Content SHA-256"), el("dd", { class: "key" }, marked(f.sha256)));
    return [head, table, facts];
  }
  function history_(i, d) {
    const items = [["Rule", d.rule || "none: no rule names this difference"], ["Break id", column.id[i]], ["First seen", `${d.first}, ${column.age[i]} business ${column.age[i] === 1 ? "day" : "days"} ago`],
      ["Due by", column.deadline[i] || "no deadline"], ["Owner", word("owner", i) || "nobody yet"], ["Provenance", d.provenance]];
    const parts = [el("h3", null, "This break"), el("dl", { class: "history" }, items.flatMap(([name, text]) => [el("dt", null, name), el("dd", null, marked(text))]))];
    if (d.related.length) parts.push(el("h3", null, "Breaks of the same payment"), el("ul", { class: "tried" }, d.related.map((id) => el("li", { class: "key" }, marked(id)))));
    if (d.tried.length) parts.push(el("h3", null, "What was tried"), el("ol", { class: "tried" }, d.tried.map((line) => el("li", null, marked(line)))));
    return parts;
  }

  // --- wiring ----------------------------------------------------------------------------------------------------
  function options(id, first, values) {
    $(id).replaceChildren(...first.map(([value, label]) => el("option", { value }, label)), ...values.map(([value, count]) => el("option", { value: value || "(none)" }, `${value || "(none)"} (${number(count)})`)));
  }
  function tally(name) {
    const counts = new Map();
    for (const place of column[name]) counts.set(place, (counts.get(place) ?? 0) + 1);
    return [...counts].map(([place, count]) => [index.words[place], count]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }
  function fillFilters() {
    for (const name of ["class", "code", "psp", "currency"]) options(`f-${name}`, [["", "All"]], tally(name));
    options("f-state", [["open", "Open"], ["all", "All"]], tally("state"));
    options("f-age", [["", "All"], ...Object.keys(AGES).map((age) => [age, `${age.replace("-", "–")} days`])], []);
  }
  function wireList() {
    order = [];
    for (const th of document.querySelectorAll("#list th[data-sort]")) {
      const name = th.dataset.sort;
      order.push(name);
      const button = el("button", { type: "button" }, th.textContent);
      button.addEventListener("click", () => {
        const first = ["difference", "age"].includes(name) ? `-${name}` : name;
        const second = first.startsWith("-") ? name : `-${name}`;
        change({ sort: state.sort === first ? second : state.sort === second ? "" : first });
      });
      th.replaceChildren(button);
    }
    $("list").classList.add("live");
    $("rows").addEventListener("click", (event) => {
      const tr = event.target.closest("tr[data-i]");
      if (!tr || event.ctrlKey || event.metaKey || event.shiftKey || String(getSelection())) return;
      event.preventDefault();
      go(column.id[Number(tr.dataset.i)], true);
    });
    $("previous").addEventListener("click", () => turn(-1));
    $("next").addEventListener("click", () => turn(1));
  }
  function turn(by) {
    state.page += by;
    draw();
    remember(false);
    $("breaks").scrollIntoView();
  }
  function wireFilters() {
    for (const name of FILTERS) $(`f-${name}`).addEventListener(name === "q" || name === "min" ? "input" : "change", (event) => change({ [name]: event.target.value }));
    $("clear").addEventListener("click", () => change(Object.fromEntries(FILTERS.map((name) => [name, EMPTY[name]]))));
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $("filters").hidden = false;
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-filter], a[data-jump]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if ("jump" in link.dataset) {
        const target = $(link.getAttribute("href").slice(1));
        target.scrollIntoView();
        target.focus({ preventScroll: true });
        return;
      }
      history.pushState(null, "", link.getAttribute("href"));
      restore();
      $("breaks").scrollIntoView();
    });
  }
  function wireKeys() {
    $("keys-button").hidden = false;
    $("keys-button").addEventListener("click", () => $("keys").showModal());
    $("keys-close").addEventListener("click", () => $("keys").close());
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
      const typing = event.target.closest("input, select, textarea");
      if (event.key === "Escape") {
        if (typing) typing.blur();
        else if (state.break) go("", false);
        return;
      }
      if (typing) { if (event.key === "Enter" && matches.length) { event.preventDefault(); typing.blur(); current = -1; step(1); } return; }
      if (event.key === "/") { event.preventDefault(); $("f-q").focus(); $("f-q").select(); }
      else if (event.key === "j") step(1);
      else if (event.key === "k") step(-1);
      else if (event.key === "?") $("keys").showModal();
    });
  }
  // On paper: the filtered list from its top, everything unfolded, and column heads as text, since buttons do not repeat.
  function wirePrint() {
    const heads = [...document.querySelectorAll("#list th[data-sort]")].map((th) => [th, th.firstChild]);
    const folded = [...document.querySelectorAll("details")];
    addEventListener("beforeprint", () => {
      const page = state.page;
      state.page = 1;
      draw(PRINTED);
      state.page = page;
      for (const [th, button] of heads) th.replaceChildren(button.textContent);
      for (const node of folded) node.open = true;
    });
    addEventListener("afterprint", () => {
      draw();
      for (const [th, button] of heads) th.replaceChildren(button);
      for (const node of folded) node.open = false;
    });
  }
  function restore() {
    const before = state.break;
    state = fromAddress();
    const at = state.break ? column.id.indexOf(state.break) : -1;
    select();
    if (at >= 0 && matches.includes(at)) state.page = Math.floor(matches.indexOf(at) / PAGE) + 1;
    showFilters();
    draw();
    if (state.break) open(state.break).then(showRow);
    else if (before) closePanel();
  }
  async function start() {
    prepare(await read("data-index"));
    fillFilters();
    wireList();
    wireFilters();
    wireKeys();
    wirePrint();
    restore();
    addEventListener("popstate", restore);
    document.documentElement.classList.add("live-page");
    performance.mark("ready");
    setTimeout(searchTexts, 50); // so that the first letter typed is as quick as the next
  }
  start();
})();
