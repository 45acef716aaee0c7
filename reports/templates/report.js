"use strict";
// The interactive part: the list of breaks with search, filters and sorting, one break opened beside it, decisions on
// breaks that leave the page as decisions.json, two languages, and a copy without names and amounts.
// Data comes from the JSON blocks of this page and only ever becomes text nodes. What is shown lives in the address
// after "#", so that a view is a link and the back button works. Nothing is fetched, nothing is stored.
(() => {
  const PAGE = 100; // rows of a page, where the list is paged
  const PRINTED = 200;
  const ROW = 29; // height of a row in px where the list scrolls; report.css holds rows to it
  const AROUND = 12; // rows drawn above and below what is seen
  const PICKED_MAX = 100; // picks that an address can hold
  const SEVERITY = { investigate: 0, manual_review: 1, auto_fix: 2 };
  const AGES = { "0-1": [0, 1], "2-3": [2, 3], "4-7": [4, 7], "8-30": [8, 30], "30+": [31, Infinity] };
  const CLASS_WORDS = { investigate: "Investigate", manual_review: "Manual review", auto_fix: "Auto fix" };
  const CHOSEN = ["class", "code", "reconciliation", "psp", "currency", "owner", "first"];
  const FILTERS = ["q", ...CHOSEN, "state", "age", "due", "min"];
  const FIRST_FIELDS = ["kind", "currency", "amount", "captured_amount", "status", "previous_status", "psp", "payment_order_id", "order_id", "psp_reference"];
  // Fields in which two records of one payment differ by nature: left unmarked, so that what is marked means something.
  const OWN_FIELDS = /^(entry_id|journal_id|natural_id|record_id|account|memo|kind_raw|fee|tax|net|fx_rate|.*_at|.*_on|business_date)$/;
  const NAME_FIELDS = /^(memo|counterparty|counterparty_account|raw|found|.*name.*|.*email.*)$/;
  const AMOUNT = /^(-?)(\d+)(\.\d+)?$/;
  const HIDDEN = "•••";
  const SVG = "http://www.w3.org/2000/svg";
  // What can be decided; recon fixes import reads the same words. The reason codes come with the data.
  const DECISIONS = { approve: "Approve the fix", reject: "Reject the fix", resolve: "Resolved by hand", assign: "Assign to somebody" };

  const $ = (id) => document.getElementById(id);
  const pristine = document.documentElement.cloneNode(true); // for the copy without names and amounts

  // --- languages -------------------------------------------------------------------------------------------------
  const korean = JSON.parse($("data-ko").textContent);
  let language = "en";
  const fill = (text, values) => (values ? text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all)) : text);
  // A text of the page in the language that is on; English where there is no other.
  const t = (key, values) => fill((language === "ko" && korean[key]) || key, values);
  const both = (place) => { const [english, other] = index.texts[place]; return (language === "ko" && other) || english; };
  const english = new WeakMap(); // element -> its English nodes
  function speak(root) {
    for (const node of root.querySelectorAll("[data-t], [data-ko]")) {
      if (!english.has(node)) english.set(node, [...node.childNodes].map((child) => child.cloneNode(true)));
      const key = node.dataset.t, other = key === undefined ? node.dataset.ko : korean[key];
      if (language === "ko" && other) node.replaceChildren(...marked(key === undefined ? other : fill(other, node.dataset.v ? JSON.parse(node.dataset.v) : null)));
      else node.replaceChildren(...english.get(node).map((child) => child.cloneNode(true)));
    }
    for (const node of root.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
    for (const node of root.querySelectorAll("[data-t-placeholder]")) node.placeholder = t(node.dataset.tPlaceholder);
  }

  // --- small helpers ---------------------------------------------------------------------------------------------
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat(3)) if (child !== null && child !== undefined) node.append(child);
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
    return el("span", { class: `chip chip-${known ? name : "other"}` }, icon(known ? name : "other"), known ? t(CLASS_WORDS[name]) : name);
  }
  function button(label, act, attributes) {
    const node = el("button", { type: "button", ...attributes }, label);
    node.addEventListener("click", act);
    return node;
  }
  const hiding = () => state.hide === "1";
  function money(text) {
    if (hiding()) return HIDDEN;
    const match = AMOUNT.exec(text);
    return match ? match[1] + match[2].replace(/\B(?=(\d{3})+$)/g, ",") + (match[3] || "") : text;
  }
  const name_ = (text) => (hiding() && text ? HIDDEN : text);
  const withoutAmounts = (text) => (hiding() ? text.replace(/-?\d[\d,]*(\.\d+)?(?= [A-Z]{3}\b)/g, HIDDEN) : text);
  const isNegative = (text) => typeof text === "string" && text.startsWith("-") && /[1-9]/.test(text);
  const isZero = (text) => typeof text === "string" && AMOUNT.test(text) && !/[1-9]/.test(text);
  function moneyCell(text, extra) {
    if (text === null || text === undefined) return el("td", { class: `num none ${extra}` }, el("span", { "aria-hidden": "true" }, "–"));
    return el("td", { class: `num ${extra}${isNegative(text) ? " negative" : ""}${isZero(text) ? " zero" : ""}` }, money(text));
  }
  const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  async function read(id, root = document) {
    const node = root === document ? $(id) : root.querySelector(`#${id}`);
    if (node.dataset.encoding !== "gzip") return JSON.parse(node.textContent);
    const text = atob(node.textContent);
    const bytes = new Uint8Array(text.length);
    for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }
  function download(name, text, type) {
    const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // --- the index -------------------------------------------------------------------------------------------------
  let index, column, texts, sizes, total, places;
  const word = (name, i) => index.words[column[name][i]];

  function prepare(data) {
    index = data;
    column = data.columns;
    total = column.id.length;
    const largest = (i) => Math.max(0, ...column.amounts[i].map((amount) => Math.abs(Number(amount ?? 0))));
    sizes = Float64Array.from(column.id, (_, i) => (column.difference[i] === null ? largest(i) : Math.abs(Number(column.difference[i]))));
    places = new Map(column.id.map((id, i) => [id, i]));
  }
  function searchTexts() {
    texts ??= column.id.map((id, i) =>
      [id, column.key[i], word("code", i), word("psp", i), word("currency", i), word("owner", i), column.difference[i] ?? "", ...column.amounts[i].filter(Boolean), column.search[i]]
        .join(" ").toLowerCase());
    return texts;
  }

  // --- what is shown: the state in the address -------------------------------------------------------------------
  const EMPTY = { q: "", class: "", code: "", reconciliation: "", psp: "", currency: "", owner: "", first: "", state: "open", age: "", due: "", min: "", sort: "", view: "", page: 1, pick: "", lang: "", theme: "", hide: "", keys: "", break: "" };
  const LASTING = ["view", "pick", "lang", "theme", "hide", "keys"]; // what a filter of the page's own links leaves as it is
  let state = { ...EMPTY };
  let matches = [];
  let current = -1; // index of the break that the cursor is on
  let order = [];
  let picked = new Set(); // ids

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
    for (const name of CHOSEN) {
      if (!state[name]) continue;
      const place = index.words.indexOf(state[name] === "(none)" ? "" : state[name]);
      const values = column[name];
      list.push((i) => values[i] === place);
    }
    if (state.state === "open") { const resolved = index.words.indexOf("resolved"); list.push((i) => column.state[i] !== resolved); }
    else if (state.state === "decided") list.push((i) => decided.has(column.id[i]));
    else if (state.state === "undecided") { const resolved = index.words.indexOf("resolved"); list.push((i) => column.state[i] !== resolved && !decided.has(column.id[i])); }
    else if (state.state !== "all") { const place = index.words.indexOf(state.state); list.push((i) => column.state[i] === place); }
    if (AGES[state.age]) { const [low, high] = AGES[state.age]; list.push((i) => column.age[i] >= low && column.age[i] <= high); }
    const due = column.deadline;
    if (state.due === "now") list.push((i) => due[i] !== "" && due[i] <= index.night);
    else if (state.due === "past") list.push((i) => due[i] !== "" && due[i] < index.night);
    else if (state.due === "some") list.push((i) => due[i] !== "");
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
  // It scrolls, and only what is seen is in the page; or it has pages, for readers that walk through a table.
  const narrow = matchMedia("(max-width: 720px)");
  const isPaged = () => state.view === "pages" || narrow.matches;
  const listed = () => (index.sides.length <= 4 ? index.sides.length : 2);
  const sidesOf = (i) => index.of[column.reconciliation[i]] ?? [];
  const listedAmounts = (i) => (index.sides.length <= 4 ? column.amounts[i] : [0, 1].map((n) => column.amounts[i][sidesOf(i)[n]] ?? null));

  function row(i, at) {
    const id = column.id[i], due = column.deadline[i], resolved = word("state", i) === "resolved", choice = decided.get(id);
    const sides = listedAmounts(i).map((amount) => moneyCell(amount, ""));
    const link = el("a", { href: address({ break: id }), title: column.key[i] }, marked(column.key[i]));
    const status = choice ? [icon("good"), " ", t(choice.decision)] : t(word("state", i));
    return el("tr", { "data-i": i, "aria-rowindex": at + 2, class: [resolved ? "resolved" : "", i === current ? "current" : "", picked.has(id) ? "picked" : ""].join(" ").trim() || null },
      el("td", { class: "pick" }, el("input", { type: "checkbox", "aria-label": t("Pick {key}", { key: column.key[i] }), checked: picked.has(id), tabindex: -1 })),
      el("td", null, chip(word("class", i))), el("td", { class: "code", title: word("code", i) }, marked(word("code", i))), el("td", { class: "key" }, link),
      el("td", null, marked(word("psp", i))), el("td", { class: "cur" }, marked(word("currency", i) || "–")), ...sides,
      moneyCell(column.difference[i], "lead strong"), el("td", { class: "num age" }, `${column.age[i]} ${t("d")}`),
      el("td", null, due ? el("time", { datetime: due, class: due <= index.night && !resolved ? "alert" : null }, due) : "–"),
      el("td", null, marked(name_(word("owner", i)) || "–")), el("td", null, status));
  }
  const gap = (rows) => { const tr = el("tr", { class: "gap", "aria-hidden": "true" }, el("td", { colspan: 11 + listed() })); tr.style.height = `${rows * ROW}px`; return tr; };
  let drawn = [0, 0];
  function draw(most) {
    $("viewport").classList.toggle("scrolls", !isPaged());
    const pages = Math.max(1, Math.ceil(matches.length / PAGE));
    state.page = Math.min(state.page, pages);
    let start = 0, end = Math.min(matches.length, most ?? Infinity);
    if (most === undefined && isPaged()) [start, end] = [(state.page - 1) * PAGE, Math.min(matches.length, state.page * PAGE)];
    else if (most === undefined) {
      const view = $("viewport"), seen = Math.ceil((view.clientHeight || 600) / ROW);
      start = Math.max(0, Math.min(Math.floor(view.scrollTop / ROW), matches.length - seen) - AROUND);
      end = Math.min(matches.length, start + seen + 2 * AROUND);
    }
    drawn = [start, end];
    const focused = document.activeElement?.closest("#rows tr[data-i]")?.dataset.i, wasBox = document.activeElement?.matches("#rows input");
    const scrolls = most === undefined && !isPaged();
    const rows = matches.slice(start, end).map((i, n) => row(i, start + n));
    if (!rows.length) rows.push(el("tr", null, el("td", { colspan: 11 + listed(), class: "empty" }, t(total ? "No break fits these filters." : "No breaks tonight."))));
    $("rows").replaceChildren(...(scrolls && start ? [gap(start)] : []), ...rows, ...(scrolls && end < matches.length ? [gap(matches.length - end)] : []));
    if (focused !== undefined) (document.querySelector(`#rows tr[data-i="${focused}"] ${wasBox ? "input" : "a"}`) ?? $("viewport")).focus({ preventScroll: true });
    $("list").setAttribute("aria-rowcount", matches.length + 1);
  }
  function drawAround() {
    const all = matches.length === total ? "" : t(" of {n}", { n: number(total) });
    $("count").textContent = t(matches.length === 1 && !all ? "{n} break" : "{n} breaks", { n: number(matches.length) + all });
    const start = (state.page - 1) * PAGE, pages = Math.max(1, Math.ceil(matches.length / PAGE));
    $("range").textContent = matches.length ? `${number(start + 1)}–${number(Math.min(matches.length, start + PAGE))} / ${number(matches.length)}` : "";
    $("pager").hidden = pages === 1 || !isPaged();
    $("previous").disabled = state.page === 1;
    $("next").disabled = state.page === pages;
    $("paged").setAttribute("aria-pressed", String(state.view === "pages"));
    for (const th of document.querySelectorAll("#list th[data-sort]")) {
      const name = state.sort.replace(/^-/, "");
      if (th.dataset.sort === name) th.setAttribute("aria-sort", state.sort.startsWith("-") ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    }
    tray();
  }
  function showFilters() {
    for (const name of FILTERS) {
      const field = $(`f-${name}`);
      if (field.value !== state[name]) field.value = state[name];
      field.classList.toggle("on", state[name] !== EMPTY[name]);
    }
    $("clear").disabled = FILTERS.every((name) => state[name] === EMPTY[name]);
  }
  function refresh() { select(); showFilters(); draw(); drawAround(); }
  function change(changes) {
    state = { ...state, page: 1, ...changes };
    $("viewport").scrollTop = 0;
    refresh();
    remember(false);
  }
  // Bring a row of the list into the page, whether it scrolls or has pages.
  function reveal(at, centred) {
    if (at < 0) return;
    if (isPaged()) {
      const page = Math.floor(at / PAGE) + 1;
      if (page !== state.page) { state.page = page; draw(); drawAround(); remember(false); }
      document.querySelector(`#rows tr[data-i="${matches[at]}"]`)?.scrollIntoView({ block: centred ? "center" : "nearest" });
      return;
    }
    const view = $("viewport"), top = at * ROW, head = $("list").tHead.offsetHeight;
    if (centred || top < view.scrollTop || top + ROW > view.scrollTop + view.clientHeight - head) view.scrollTop = Math.max(0, top - (view.clientHeight - head) / (centred ? 2 : 3));
    if (at < drawn[0] || at >= drawn[1] || centred) draw();
  }

  // --- one break -------------------------------------------------------------------------------------------------
  const chunks = new Map();
  async function detail(i) {
    const n = Math.floor(i / index.chunk);
    if (!chunks.has(n)) chunks.set(n, read(`data-detail-${n}`));
    return (await chunks.get(n))[i % index.chunk];
  }
  async function open(id) {
    const i = places.get(id) ?? -1;
    if (i < 0) return showPanel(el("div", { class: "panel-head" }, panelLine(-1), el("h2", { id: "panel-title" }, marked(id)), el("p", null, t("This page does not carry that break. Try:"), " recon explain ", marked(id))));
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
  function focusRow() {
    reveal(matches.indexOf(current), false);
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
    const first = isPaged() ? (state.page - 1) * PAGE : 0;
    const to = at < 0 ? (by > 0 ? first : 0) : Math.min(matches.length - 1, Math.max(0, at + by));
    reveal(to, false);
    setCurrent(matches[to]);
    if (state.break) go(column.id[matches[to]], false);
    else focusRow();
  }

  function panelLine(i, ...first) {
    const at = matches.indexOf(i);
    return el("div", { class: "panel-line" }, ...first, el("span", { class: "end" },
      button(t("Previous"), () => step(-1), { "aria-label": t("Previous break"), disabled: at <= 0 }), button(t("Next"), () => step(1), { "aria-label": t("Next break"), disabled: at < 0 || at === matches.length - 1 }),
      button(t("Close"), () => go("", false), { "aria-label": t("Close this break") })));
  }
  function copyButton(label, text) {
    const node = el("button", { type: "button", "data-copy": text }, label);
    node.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(text); node.textContent = t("Copied"); }
      catch { node.textContent = text; getSelection().selectAllChildren(node); }
      setTimeout(() => { if (node.textContent === t("Copied")) node.textContent = label; }, 1500);
    });
    return node;
  }
  function panel(i, d) {
    const parts = [el("div", { class: "panel-head" },
      panelLine(i, chip(word("class", i)), el("b", null, marked(word("code", i))), el("span", { class: "muted" }, t(word("state", i)))),
      el("h2", { id: "panel-title" }, marked(column.key[i])),
      el("div", { class: "copies" }, copyButton(t("Copy id"), column.id[i]), copyButton(t("Copy explain command"), d.explain), el("span", { class: "muted key" }, marked(d.explain))))];
    if (both(d.why)) parts.push(el("h3", null, t("What happened")), el("p", { class: "why" }, marked(withoutAmounts(both(d.why)))));
    parts.push(el("h3", null, t("What it is worth")), el("p", null, worth(i)), sums(i));
    if (both(d.next)) parts.push(el("p", { class: "next-step" }, el("b", null, t("What to do next")), el("span", null, marked(both(d.next)))));
    const note = both(d.reason);
    if (note) parts.push(el("p", { class: "reason" }, el("b", null, t("Note:")), " ", marked(withoutAmounts(note))));
    if (d.fix) parts.push(...fix(d.fix));
    parts.push(el("h3", null, t("Records side by side")), records(i, d));
    if (d.tried.length) parts.push(el("h3", null, t("How it was matched")), el("p", { class: "muted" }, t("Passes run strictest first; each says why it did not clear this.")), el("ol", { class: "tried" }, d.tried.map((line) => el("li", null, marked(both(line))))));
    parts.push(...past(d), ...about(i, d), decideHere(i, d));
    return parts;
  }
  // The difference in a sentence: who says more, and how much.
  function worth(i) {
    const difference = column.difference[i], currency = word("currency", i), [outside, ours] = sidesOf(i);
    if (difference === null) return t("The sides name several currencies, so there is no one difference; each side's amount stands below.");
    if (isZero(difference)) {
      const some = column.amounts[i].find((amount) => amount !== null) ?? difference, lacking = index.sides.find((_, n) => column.amounts[i][n] === null && expected(i, n));
      const told = { amount: `${money(some)} ${currency}`, side: lacking };
      return lacking ? t("{amount} that {side} has no record of; the others agree on it.", told) : t("The sides agree on {amount}: what is wrong is not an amount between them.", told);
    }
    const amount = `${money(difference.replace(/^-/, ""))} ${currency}`;
    const absent = (n) => n !== undefined && column.amounts[i][n] === null && expected(i, n);
    if (absent(outside)) return t("{amount} that {side} does not have.", { amount, side: index.sides[outside] });
    if (absent(ours)) return t(isNegative(difference) ? "{amount} went out and {side} does not have it." : "{amount} came in and {side} does not have it.", { amount, side: index.sides[ours] });
    return t(isNegative(difference) ? "{side} says {amount} less than we do." : "{side} says {amount} more than we do.", { amount, side: index.sides[outside] ?? "" });
  }
  function sums(i) {
    const currency = word("currency", i);
    const item = (name, text, extra) => el("div", { class: extra }, el("dt", null, marked(name)),
      el("dd", { class: isNegative(text) ? "negative" : null }, text === null || text === undefined ? "–" : `${money(text)} ${currency}`));
    return el("dl", { class: "sums" }, ...sidesOf(i).map((n) => (column.amounts[i][n] !== null || expected(i, n) ? item(index.sides[n], column.amounts[i][n], "") : null)), item(t("difference"), column.difference[i], "difference"));
  }
  function records(i, d) {
    if (!d.records.length) return el("p", { class: "muted" }, t("Tonight brought no record of it; the explain command tells of earlier nights."));
    const present = new Set(d.records.map((r) => r.side));
    const missing = index.sides.filter((side, n) => column.amounts[i][n] === null && !present.has(side) && expected(i, n));
    const inOrder = sidesOf(i).map((n) => index.sides[n]);
    const rank = (side) => (inOrder.includes(side) ? inOrder.indexOf(side) : inOrder.length);
    // One column per record, and one for each side that should have had one, in the order of the sides.
    const columns = [...d.records, ...missing.map((side) => ({ side, none: true, fields: [] }))].sort((a, b) => rank(a.side) - rank(b.side));
    const seen = {}, count = {};
    for (const r of columns) count[r.side] = (count[r.side] ?? 0) + 1;
    const heads = columns.map((r) => { seen[r.side] = (seen[r.side] ?? 0) + 1; return count[r.side] > 1 ? t("{side} {n} of {all}", { side: r.side, n: seen[r.side], all: count[r.side] }) : r.side; });
    const maps = columns.map((r) => (r.none ? null : new Map(r.fields)));
    const given = maps.filter(Boolean);
    const names = [...new Set([...FIRST_FIELDS.filter((name) => given.some((m) => m.has(name))), ...given.flatMap((m) => [...m.keys()])])];
    const place = (r) => (r.line ? `${index.files[r.file][0]}:${r.line}` : index.files[r.file][0]);
    const about = [[t("File and line"), place]];
    if (columns.some((r) => r.cleared)) about.push([t("Cleared before"), (r) => r.cleared || "–"]);
    const proof = [[t("Source"), (r) => r.source], [t("Record"), (r) => r.id], ["SHA-256", (r) => index.files[r.file][1].slice(0, 12) || "–"]];
    const height = about.length + names.length + proof.length;
    const hole = (first) => (first ? el("td", { class: "no-record", rowspan: height }, el("span", null, t("no record"))) : null);
    const line = ([name, of], first) => el("tr", null, el("th", { scope: "row" }, name),
      columns.map((r) => (r.none ? hole(first) : el("td", { title: name === "SHA-256" ? index.files[r.file][1] || null : null }, marked(of(r))))));
    const body = [...about.map((entry, n) => line(entry, n === 0)), ...names.map((name) => fieldRow(name, maps)), ...proof.map((entry) => line(entry, false))];
    const note = d.more_records ? el("p", { class: "muted" }, t("{n} more records; the explain command lists all.", { n: number(d.more_records) })) : null;
    return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("Records side by side") }, el("table", { class: "records" }, el("caption", null, columns.length > 1 ? t("≠ marks what differs between the records; times, memos, fees and the records' own ids are left out of that.") : t("The only record of this break.")),
      el("thead", null, el("tr", null, el("th", { scope: "col" }, t("Field")), heads.map((head) => el("th", { scope: "col" }, marked(head))))), el("tbody", null, body)), note);
  }
  // A side without an amount is missing only where the break names it: not every side speaks of every kind.
  function expected(i, n) { return index.named[index.spoken[i]].includes(n); }
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
    const sign = () => el("span", { class: "sign", role: "img", "aria-label": t("differs:") }, "≠ ");
    const cell = (v) => {
      if (v === undefined) return el("td", { class: isMoney ? "absent num" : "absent" }, "–");
      const odd = strong && v !== usual;
      return el("td", { class: [odd ? "differs" : "", isMoney ? "num" : ""].join(" ").trim() || null }, odd ? sign() : null, marked(isMoney ? money(v) : NAME_FIELDS.test(name) ? name_(v) : v));
    };
    return el("tr", null, el("th", { scope: "row" }, marked(name)), values.map(cell));
  }
  function fix(f) {
    const head = el("h3", null, t(f.kind === "journal" ? "Proposed journal entry" : f.kind === "update" ? "Proposed change of a record" : "Proposed fix"), " ", el("span", { class: "muted" }, marked(`${f.template}, ${f.status}`)));
    const cell = (text) => el("td", null, marked(text));
    const th = (text, extra) => el("th", { scope: "col", class: extra }, t(text));
    let table;
    if (f.postings.length) {
      const absolute = (text) => money(text.replace(/^-/, ""));
      table = el("table", { class: "fix" }, el("caption", null, marked(f.memo || t("Journal entry"))),
        el("thead", null, el("tr", null, th("Account"), th("Cur."), th("Debit", "num"), th("Credit", "num"))),
        el("tbody", null, f.postings.map(([account, currency, amount]) => el("tr", null, el("th", { scope: "row" }, marked(account)), cell(currency),
          el("td", { class: "num" }, isNegative(amount) ? "" : absolute(amount)), el("td", { class: "num" }, isNegative(amount) ? absolute(amount) : "")))));
    } else {
      const seen = new Map(f.seen), set = new Map(f.set);
      const value = (name, text) => cell(text !== undefined && index.money.includes(name) ? money(text) : text ?? "–");
      table = el("table", { class: "fix" }, el("caption", null, marked(t(f.kind === "message" ? "Send {record} again under its own key" : "Change {record}, only if it still holds what was seen", { record: f.record }))),
        el("thead", null, el("tr", null, th("Field"), th("Seen"), th("Set to"))),
        el("tbody", null, [...new Set([...seen.keys(), ...set.keys()])].map((name) => el("tr", null, el("th", { scope: "row" }, marked(name)), value(name, seen.get(name)), set.has(name) ? value(name, set.get(name)) : cell(t("unchanged"))))));
    }
    const more = el("details", { class: "small" }, el("summary", null, t("Ids of this fix")), el("dl", { class: "history" }, el("dt", null, t("Fix")), el("dd", { class: "key" }, marked(f.id)), el("dt", null, t("Idempotency key")), el("dd", { class: "key" }, marked(hiding() ? HIDDEN : f.idempotency_key)), el("dt", null, "SHA-256"), el("dd", { class: "key" }, marked(f.sha256))));
    return [head, table, el("p", { class: "muted" }, t("Nothing was booked: somebody other than its maker has to approve it.")), more];
  }
  function past(d) {
    if (!d.past.length) return [];
    const state_ = { new: "first seen", open: "changed", reopened: "came back", resolved: "resolved" };
    const line = ([night, state, class_, code, difference, currency]) => el("li", null, el("time", { datetime: night }, night), " ", el("b", null, t(state_[state] ?? state)), " ", chip(class_), " ", el("code", null, marked(code)),
      difference === null ? null : el("span", { class: isNegative(difference) ? "negative" : null }, ` ${money(difference)} ${currency}`));
    return [el("h3", null, t("History of this break")), el("ol", { class: "past" }, d.past.map(line))];
  }
  function about(i, d) {
    const items = [[t("Rule"), d.rule || t("none: no rule names this difference")], [t("Break id"), column.id[i]], [t("First seen"), t("{night}, {n} business days ago", { night: word("first", i), n: column.age[i] })],
      [t("Due by"), column.deadline[i] || t("no deadline")], [t("Owner"), name_(word("owner", i)) || t("nobody yet")], [t("Provenance"), d.provenance]];
    const related = d.related.map((id) => el("li", { class: "key" }, places.has(id) ? el("a", { href: address({ break: id }), "data-filter": true }, marked(`${word("code", places.get(id))} ${column.key[places.get(id)]}`)) : marked(id)));
    return [el("h3", null, t("This break")), el("dl", { class: "history" }, items.flatMap(([name, text]) => [el("dt", null, name), el("dd", null, marked(text))])),
      ...(related.length ? [el("h3", null, t("Breaks of the same payment")), el("ul", { class: "tried" }, related)] : [])];
  }

  // --- decisions: they leave the page as decisions.json, and are carried out elsewhere, by others ------------------
  const decided = new Map(); // break id -> decision
  let saved = true;
  function decisionForm(count, hasFix, before, decide) {
    const options = (first, words, chosen) => [el("option", { value: "" }, first), ...Object.entries(words).map(([value, label]) => el("option", { value, selected: value === chosen }, t(label)))];
    const possible = Object.fromEntries(Object.entries(DECISIONS).filter(([name]) => hasFix || !["approve", "reject"].includes(name)));
    const what = el("select", { name: "decision" }, options(t("Choose"), possible, before?.decision));
    const why = el("select", { name: "reason" }, options("–", index.reasons, before?.reason));
    const who = el("input", { name: "assign_to", autocomplete: "off", maxlength: 200, value: before?.assign_to });
    const remark = el("input", { name: "remark", autocomplete: "off", maxlength: 2000, value: before?.remark });
    const wrong = el("p", { class: "wrong", role: "alert" });
    const form = el("form", { class: "decision" }, el("label", null, t("Decision"), what), el("label", null, t("Reason"), why), el("label", null, t("Assign to"), who), el("label", { class: "wide" }, t("Remark"), remark),
      el("button", { type: "submit", class: "main" }, count === 1 ? t("Note the decision") : t("Note for {n} breaks", { n: number(count) })), wrong);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = { decision: what.value, reason: why.value, assign_to: who.value.trim(), remark: remark.value.trim() };
      wrong.textContent = problem(given);
      if (!wrong.textContent) decide(given);
    });
    return form;
  }
  function problem({ decision, reason, assign_to, remark }) {
    if (!decision) return t("Choose a decision first.");
    if (index.needs_reason.includes(decision) && !reason) return t("This decision needs a reason.");
    if (decision === "assign" && !assign_to) return t("Say to whom.");
    if (reason === "other" && !remark) return t("The reason “other” needs a remark.");
    return "";
  }
  async function note(ids, given) {
    for (const id of ids) {
      const d = await detail(places.get(id));
      decided.set(id, { ...given, fix_id: d.fix?.id ?? "", seen: d.seen });
    }
    saved = false;
    draw();
    drawAround();
  }
  function decideHere(i, d) {
    const id = column.id[i], before = decided.get(id);
    const box = el("div", { class: "decide" }, el("h3", null, before ? t("Decided: {what}", { what: t(DECISIONS[before.decision]) }) : t("Decide")),
      decisionForm(1, Boolean(d.fix), before, async (given) => { await note([id], given); open(id); }));
    if (before) box.append(button(t("Take it back"), () => { decided.delete(id); saved = decided.size === 0; draw(); drawAround(); open(id); }, { class: "link" }));
    return box;
  }
  async function decidePicked() {
    const ids = [...picked].filter((id) => places.has(id));
    if (!ids.length) return;
    const details = await Promise.all(ids.map((id) => detail(places.get(id))));
    const box = $("decide");
    const close = button(t("Cancel"), () => box.close());
    box.replaceChildren(el("h2", { id: "decide-title" }, t("Decide on {n} breaks", { n: number(ids.length) })), el("ul", { class: "key" }, ids.slice(0, 5).map((id) => el("li", null, marked(column.key[places.get(id)])))), ids.length > 5 ? el("p", { class: "muted" }, `+ ${number(ids.length - 5)}`) : "",
      decisionForm(ids.length, details.every((d) => d.fix), null, async (given) => { await note(ids, given); pick([], true); box.close(); }), close);
    box.showModal();
  }
  function decisionsText() {
    const list = [...decided].map(([break_id, { fix_id, decision, reason, assign_to, remark, seen }]) => ({ break_id, fix_id, decision, reason, assign_to, remark, seen }));
    list.sort((a, b) => (a.break_id < b.break_id ? -1 : 1));
    return `${JSON.stringify({ schema_version: 1, workspace: index.workspace, night: index.night, config_sha256: index.config, decisions: list }, null, 2)}\n`;
  }
  function save() {
    if (!decided.size) return;
    download("decisions.json", decisionsText(), "application/json");
    saved = true;
    tray();
  }
  function pick(ids, on) {
    if (!ids.length) picked.clear();
    for (const id of ids) if (on) picked.add(id); else picked.delete(id);
    state.pick = picked.size <= PICKED_MAX ? [...picked].map((id) => id.replace(/^BRK-/, "")).join(",") : "";
    for (const tr of document.querySelectorAll("#rows tr[data-i]")) {
      const is = picked.has(column.id[tr.dataset.i]);
      tr.classList.toggle("picked", is);
      tr.querySelector("input").checked = is;
    }
    remember(false);
    tray();
  }
  function tray() {
    const node = $("tray"), open = state.state !== "resolved";
    node.hidden = !picked.size && !decided.size;
    document.documentElement.classList.toggle("has-tray", !node.hidden);
    const had = node.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    node.replaceChildren(...(picked.size && open ? [el("b", null, t("{n} picked", { n: number(picked.size) })), button(t("Decide on them"), decidePicked, { "data-act": "decide" }), button(t("Clear"), () => pick([], true), { class: "link", "data-act": "clear" })] : []),
      ...(decided.size ? [el("span", { class: "end" }, el("b", null, t("{n} decided", { n: number(decided.size) })), saved ? el("span", { class: "muted" }, t("saved")) : null, button(t("Download decisions.json"), save, { class: "main", "data-act": "save" }))] : []));
    if (had) node.querySelector(`[data-act="${had}"]`)?.focus();
  }

  // --- language, theme, hiding -----------------------------------------------------------------------------------
  const dark = [...document.styleSheets[0].cssRules].find((rule) => rule.media?.mediaText.includes("prefers-color-scheme"));
  const shownMoney = [...document.querySelectorAll("[data-money], [data-name]")].filter((node) => !node.closest("#rows"));
  const written = new Map(shownMoney.map((node) => [node, [...node.childNodes]]));
  function appear() {
    const preferred = (navigator.language || "").toLowerCase().startsWith("ko") ? "ko" : "en";
    const wanted = ["ko", "en"].includes(state.lang) ? state.lang : preferred;
    if (dark) dark.media.mediaText = state.theme === "dark" ? "screen" : state.theme === "light" ? "not all" : "(prefers-color-scheme: dark)";
    document.documentElement.style.colorScheme = ["dark", "light"].includes(state.theme) ? state.theme : "";
    if (wanted !== language || document.documentElement.lang !== wanted) {
      language = wanted;
      document.documentElement.lang = wanted;
      $("lang").textContent = wanted === "ko" ? "English" : "한국어";
      $("lang").lang = wanted === "ko" ? "en" : "ko";
      speak(document);
      fillFilters();
    }
    $("hide").setAttribute("aria-pressed", String(hiding()));
    for (const [node, content] of written) node.replaceChildren(...(hiding() ? [HIDDEN] : content));
    $("keys-on").checked = state.keys !== "off";
  }
  function look(changes) {
    Object.assign(state, changes);
    remember(false);
    appear();
    refresh();
    if (state.break) open(state.break);
  }
  // A copy of the page as it came, without names and amounts in it: safe to send, since what is hidden is not there.
  async function redacted() {
    const copy = pristine.cloneNode(true);
    for (const node of copy.querySelectorAll("[data-money], [data-name]")) node.textContent = HIDDEN;
    copy.querySelector("#redacted").hidden = false;
    const put = (id, value) => { const node = copy.querySelector(`#${id}`); node.dataset.encoding = "json"; node.textContent = JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`); };
    const amount = (text) => (text === null || text === undefined ? text : HIDDEN);
    const inText = (text) => text.replace(/-?\d[\d,]*(\.\d+)?(?= [A-Z]{3}\b)/g, HIDDEN);
    const data = structuredClone(index);
    data.texts = data.texts.map((pair) => pair.map(inText));
    data.columns.difference = data.columns.difference.map(amount);
    data.columns.amounts = data.columns.amounts.map((list) => list.map(amount));
    const owners = data.columns.owner.map((place) => data.words[place]);
    data.words = [...data.words, HIDDEN];
    data.columns.owner = owners.map((owner) => (owner ? data.words.length - 1 : data.words.indexOf("")));
    const kept = new Set(Object.entries(data.columns).filter(([name]) => ["reconciliation", "code", "class", "state", "psp", "currency", "fix", "first"].includes(name)).flatMap(([, list]) => list));
    data.words = data.words.map((text, place) => (kept.has(place) || text === HIDDEN || text === "" ? text : HIDDEN));
    data.columns.search = data.columns.search.map(() => "");
    put("data-index", data);
    for (let n = 0; $(`data-detail-${n}`); n++) {
      const list = structuredClone(await read(`data-detail-${n}`));
      for (const d of list) {
        for (const r of d.records) r.fields = r.fields.map(([name, text]) => [name, index.money.includes(name) || NAME_FIELDS.test(name) ? HIDDEN : text]);
        d.past = d.past.map(([night, state_, class_, code, difference, currency]) => [night, state_, class_, code, amount(difference), currency]);
        if (d.fix) Object.assign(d.fix, { amount: HIDDEN, memo: HIDDEN, idempotency_key: HIDDEN, postings: d.fix.postings.map(([account, currency]) => [account, currency, HIDDEN]), seen: d.fix.seen.map(([name, text]) => [name, index.money.includes(name) ? HIDDEN : text]), set: d.fix.set.map(([name, text]) => [name, index.money.includes(name) ? HIDDEN : text]) });
      }
      put(`data-detail-${n}`, list);
    }
    return `<!doctype html>\n${copy.outerHTML}\n`;
  }

  // --- wiring ----------------------------------------------------------------------------------------------------
  function options(id, first, values) {
    $(id).replaceChildren(...first.map(([value, label]) => el("option", { value }, label)), ...values.map(([value, count]) => el("option", { value: value || "(none)" }, `${id === "f-state" ? t(value) : id === "f-class" && CLASS_WORDS[value] ? t(CLASS_WORDS[value]) : value || t("(none)")} (${number(count)})`)));
  }
  function tally(name) {
    const counts = new Map();
    for (const place of column[name]) counts.set(place, (counts.get(place) ?? 0) + 1);
    return [...counts].map(([place, count]) => [index.words[place], count]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }
  function fillFilters() {
    for (const name of CHOSEN) options(`f-${name}`, [["", t("All")]], tally(name));
    options("f-state", [["open", t("Open")], ["all", t("All")], ["undecided", t("Open, not decided")], ["decided", t("Decided here")]], tally("state"));
    options("f-age", [["", t("All")], ...Object.keys(AGES).map((age) => [age, t("{age} days", { age: age.replace("-", "–") })])], []);
    options("f-due", [["", t("All")], ["now", t("Tonight or past")], ["past", t("Past")], ["some", t("Has a deadline")]], []);
  }
  function wireList() {
    for (const th of document.querySelectorAll("#list th[data-sort]")) {
      const name = th.dataset.sort;
      order.push(name);
      const head = el("button", { type: "button" }, ...th.childNodes);
      head.addEventListener("click", () => {
        const first = ["difference", "age"].includes(name) ? `-${name}` : name;
        const second = first.startsWith("-") ? name : `-${name}`;
        change({ sort: state.sort === first ? second : state.sort === second ? "" : first });
      });
      th.replaceChildren(head);
    }
    $("list").classList.add("live");
    $("rows").addEventListener("click", (event) => {
      const tr = event.target.closest("tr[data-i]");
      if (!tr || event.ctrlKey || event.metaKey || event.shiftKey || String(getSelection())) return;
      if (event.target.closest(".pick")) {
        const box = tr.querySelector("input");
        if (event.target !== box) box.checked = !box.checked;
        pick([column.id[Number(tr.dataset.i)]], box.checked);
        return;
      }
      event.preventDefault();
      go(column.id[Number(tr.dataset.i)], true);
    });
    let waiting = false;
    $("viewport").addEventListener("scroll", () => {
      if (waiting || isPaged()) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        const first = Math.floor($("viewport").scrollTop / ROW), last = first + Math.ceil($("viewport").clientHeight / ROW);
        if (first < drawn[0] || Math.min(last, matches.length) > drawn[1]) draw();
      });
    }, { passive: true });
    $("previous").addEventListener("click", () => turn(-1));
    $("next").addEventListener("click", () => turn(1));
    $("paged").addEventListener("click", () => { change({ view: state.view === "pages" ? "" : "pages" }); });
    $("pick-all").addEventListener("click", () => pick(matches.map((i) => column.id[i]), true));
    narrow.addEventListener("change", () => { draw(); drawAround(); });
    $("ways").hidden = false;
  }
  function turn(by) {
    state.page += by;
    draw();
    drawAround();
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
      const lasting = LASTING.filter((name) => state[name] !== EMPTY[name]).map((name) => `&${name}=${encodeURIComponent(state[name])}`).join("");
      history.pushState(null, "", link.getAttribute("href") + lasting);
      restore();
      $("breaks").scrollIntoView();
      $("breaks").focus({ preventScroll: true });
    });
  }
  function wireTools() {
    $("tools").hidden = false;
    $("lang").addEventListener("click", () => look({ lang: language === "ko" ? "en" : "ko" }));
    $("theme").addEventListener("click", () => {
      const isDark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      look({ theme: isDark ? "light" : "dark" });
    });
    $("hide").addEventListener("click", () => look({ hide: hiding() ? "" : "1" }));
    $("save-redacted").addEventListener("click", async () => download("report-redacted.html", await redacted(), "text/html"));
    addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });
  }
  function wireKeys() {
    $("keys-button").addEventListener("click", () => $("keys").showModal());
    $("keys-close").addEventListener("click", () => $("keys").close());
    $("keys-on").addEventListener("change", (event) => { state.keys = event.target.checked ? "" : "off"; remember(false); });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open || $("decide").open) return;
      const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
      if (event.key === "Escape") {
        if (typing) { typing.blur(); if (typing.closest("#panel")) $("panel").focus(); }
        else if (state.break) go("", false);
        return;
      }
      if (typing) { if (event.key === "Enter" && typing.closest("#filters") && matches.length) { event.preventDefault(); typing.blur(); current = -1; step(1); } return; }
      if (state.keys === "off") return;
      const at = current >= 0 ? column.id[current] : "";
      if (event.key === "/") { event.preventDefault(); $("f-q").focus(); $("f-q").select(); }
      else if (event.key === "j") step(1);
      else if (event.key === "k") step(-1);
      else if (event.key === "x" && at) pick([at], !picked.has(at));
      else if (event.key === "d" && state.break) { event.preventDefault(); document.querySelector("#panel .decision select")?.focus(); }
      else if (event.key === "d" && picked.size) { event.preventDefault(); decidePicked(); }
      else if (event.key === "w") save();
      else if (event.key === "?") $("keys").showModal();
    });
  }
  // On paper: the filtered list from its top, everything unfolded, and column heads as text, since buttons do not repeat.
  function wirePrint() {
    const heads = [...document.querySelectorAll("#list th[data-sort]")].map((th) => [th, th.firstChild]);
    const folded = [...document.querySelectorAll("main details")];
    addEventListener("beforeprint", () => {
      draw(PRINTED);
      $("printed").textContent = matches.length > PRINTED ? t("The first {n} of {all} breaks; all are in breaks.csv.", { n: number(PRINTED), all: number(matches.length) }) : "";
      for (const [th, head] of heads) th.replaceChildren(head.textContent);
      for (const node of folded) node.open = true;
    });
    addEventListener("afterprint", () => {
      for (const [th, head] of heads) th.replaceChildren(head);
      for (const node of folded) node.open = false;
      draw();
    });
  }
  function restore() {
    const before = state.break;
    state = fromAddress();
    picked = new Set(state.pick.split(",").filter(Boolean).map((hex) => `BRK-${hex}`).filter((id) => places.has(id)));
    appear();
    const at = state.break ? places.get(state.break) ?? -1 : -1;
    select();
    const place = at >= 0 ? matches.indexOf(at) : -1;
    if (place >= 0) state.page = Math.floor(place / PAGE) + 1;
    showFilters();
    draw();
    drawAround();
    if (state.break) { open(state.break); reveal(place, true); rowLink()?.scrollIntoView({ block: "center" }); }
    else if (before) closePanel();
  }
  async function start() {
    prepare(await read("data-index"));
    fillFilters();
    wireList();
    wireFilters();
    wireTools();
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
