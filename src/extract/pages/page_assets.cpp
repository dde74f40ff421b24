#include "pages/page_assets.h"

namespace relata::extract {

const std::string_view kPageStyle = R"css(
main { max-width: 118rem; padding-top: .8rem; }
h1 { display: inline; font-size: 1.3rem; margin-right: .75rem; } .summary { display: inline; font-size: .9rem; }
.c0 { --hue: 215; } .c1 { --hue: 28; } .c2 { --hue: 145; } .c3 { --hue: 330; }
.c4 { --hue: 265; } .c5 { --hue: 50; } .c6 { --hue: 185; } .c7 { --hue: 0; }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1rem; margin: .35rem 0 0; font-size: .85rem; }
.legend span::before { content: ""; display: inline-block; width: .8em; height: .8em;
  border-radius: .25em; margin-right: .4em; background: hsl(var(--hue) 70% 55%); }
.tools { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: end;
  gap: .5rem 1.25rem; padding: .6rem 0; margin-bottom: .5rem; background: var(--page);
  border-bottom: 1px solid var(--line); font-size: .85rem; }
.tools label { display: grid; gap: .15rem; color: var(--soft); }
.tools input, .tools select, .tools button { font: inherit; color: var(--text); background: var(--card);
  border: 1px solid var(--line); border-radius: .4rem; padding: .35rem .6rem; min-height: 2.1rem; }
.tools input[type=search] { width: 16rem; max-width: 70vw; } .tools select { max-width: 18rem; }
.tools input[type=range] { width: 12rem; padding: 0; min-height: 1rem; accent-color: var(--bar); }
.tools button { cursor: pointer; } .tools button[hidden] { display: none; }
.tools output { margin-left: auto; color: var(--soft); align-self: center; }
.spread { display: block; width: 12rem; height: 1.1rem; } .spread rect { fill: var(--bar); opacity: .45; }
.sides { display: grid; gap: 1rem; align-items: start; }
@media (min-width: 64rem) {
  .sides.both { grid-template-columns: minmax(20rem, 1fr) minmax(26rem, 1.25fr); }
  .found { position: sticky; top: 4.6rem; height: calc(100vh - 9.7rem); min-height: 30rem; display: flex;
    flex-direction: column; gap: .75rem; }
  .found .drawing { flex: 0 0 auto; max-height: 66%; overflow: auto; }
  .found .list { flex: 0 1 auto; min-height: 0; overflow: auto; }
}
.drawing { padding: .5rem; } .list { padding: 0; }
@media screen and (max-width: 64rem) { .drawing, .list { overflow-x: auto; } .drawing .graph { min-width: 44rem; } }
.documents { display: grid; gap: 1rem; min-width: 0; }
.document { content-visibility: auto; contain-intrinsic-size: auto 12rem; scroll-margin-top: 5rem; }
.document h3 { font-size: .85rem; font-weight: 600; color: var(--soft); margin: 0 0 .35rem; overflow-wrap: anywhere; }
.text { white-space: pre-line; overflow-wrap: anywhere; line-height: 1.65; }
mark { color: inherit; border-radius: .25rem; padding: .05rem .15rem; background: hsl(var(--hue) 75% 55% / .26);
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
mark[data-n] { cursor: pointer; } mark.lone { background: hsl(var(--hue) 75% 55% / .1); }
mark.many { text-decoration: underline double; }
.ev { background-color: hsl(50 95% 55% / .22); border-bottom: 2px solid hsl(45 90% 50%); }
mark.ev { background-color: hsl(var(--hue) 75% 55% / .26); }
mark.hot { background-color: hsl(var(--hue) 80% 55% / .6); box-shadow: 0 0 0 2px hsl(var(--hue) 75% 50%); }
.facts { width: 100%; font-size: .88rem; border-collapse: separate; border-spacing: 0; }
.facts thead th { position: sticky; top: 0; background: var(--card); z-index: 1; border-bottom: 1px solid var(--line); }
.facts td { padding: .3rem .6rem; vertical-align: top; overflow-wrap: anywhere; }
.facts td.number { white-space: nowrap; } .facts td.from { color: var(--soft); font-size: .8rem; max-width: 9rem;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.facts tbody tr { cursor: pointer; } .facts tbody tr:hover, .facts tbody tr.hot { background: var(--track); }
.facts tbody tr.chosen { background: hsl(50 95% 55% / .18); box-shadow: inset 3px 0 hsl(45 90% 50%); }
.facts tr:focus-visible, .node:focus-visible { outline: 2px solid var(--bar); outline-offset: -2px; }
.negative { color: var(--soft); }
.graph { display: block; width: 100%; height: auto; }
.graph[hidden] { display: none; }
.graph text { font-size: 13px; fill: var(--text); text-anchor: middle; }
.graph text.edge { font-size: 11px; fill: var(--soft); paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
.node { cursor: pointer; } .node rect { fill: hsl(var(--hue) 70% 92%); stroke: hsl(var(--hue) 45% 60%); }
.link path { fill: none; stroke: var(--soft); } .graph marker path { fill: var(--soft); stroke: none; }
.node.hot rect { stroke: hsl(var(--hue) 75% 42%); stroke-width: 2.5; fill: hsl(var(--hue) 80% 84%); }
.link.hot path { stroke: var(--bar); stroke-width: 3; stroke-opacity: 1; } .graph text.edge.hot { fill: var(--bar); }
.graph.lit .node:not(.hot), .graph.lit .link:not(.hot), .graph.lit .edge:not(.hot) { opacity: .3; }
.graph .off { opacity: .1; }
@media (prefers-color-scheme: dark) { .node rect { fill: hsl(var(--hue) 35% 22%); stroke: hsl(var(--hue) 40% 50%); }
  .node.hot rect { fill: hsl(var(--hue) 45% 32%); stroke: hsl(var(--hue) 70% 65%); } }
@media print { .tools, .note { display: none; } .found { position: static; height: auto; display: block; }
  .sides.both { display: block; } .found .drawing, .found .list { overflow: visible; max-height: none; }
  .document { content-visibility: visible; break-inside: avoid-page; } .card { border-color: #bbb; }
  .facts tr, .facts thead th { break-inside: avoid; position: static; } .graph { max-height: 16cm; }
  mark, .node rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
)css";

const std::string_view kPageScript = R"js(
'use strict';
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const by = id => document.getElementById(id);
  const search = by('search'), least = by('least'), relation = by('relation'), back = by('back');
  const overview = by('overview'), lanes = by('lanes'), found = by('count'), note = by('note');
  if (!search) return;
  const kLanes = 60;  // facts drawn in lanes at most
  const documents = all('article');
  const facts = all('.facts tbody tr').map(row => ({
    row, head: row.dataset.h, tail: row.dataset.t, relation: row.dataset.r,
    score: row.dataset.p === '' ? null : +row.dataset.p,
    place: documents[+row.dataset.d],
    runs: row.dataset.e ? row.dataset.e.split(' ').map(part => part.split('-').map(Number)) : [],
    words: row.textContent.toLowerCase(),
    names: all('mark', row).map(mark => mark.textContent),
    colours: all('mark', row).map(mark => mark.className.match(/c\d/)[0]),
    name: row.cells[1].textContent,
  }));
  const factOf = new Map(facts.map(fact => [fact.row, fact]));
  const marks = new Map();  // node -> its marks in the texts
  for (const mark of all('.text mark[data-n]')) {
    for (const node of mark.dataset.n.split(' ')) {
      if (!marks.has(node)) marks.set(node, []);
      marks.get(node).push(mark);
    }
  }
  let node = null, chosen = null, visible = facts;

  // ---- lighting up ----
  let lit = [];
  const light = (element, name) => { element.classList.add(name); lit.push([element, name]); };
  const dark = () => {
    for (const [element, name] of lit) element.classList.remove(name);
    lit = [];
  };
  const svgs = [overview, lanes].filter(Boolean);
  const lightNode = name => {
    for (const mark of marks.get(name) || []) light(mark, 'hot');
    for (const svg of svgs) for (const part of all(`.node[data-n="${name}"]`, svg)) light(part, 'hot');
  };
  const linkKey = (fact, svg) => svg === lanes ? `[data-f="${facts.indexOf(fact)}"]` : `[data-l="${fact.head}-${fact.tail}"]`;
  const lightFact = fact => {
    light(fact.row, 'hot');
    const text = fact.place && fact.place.querySelector('.text');
    if (text) {
      for (const [begin, end] of fact.runs) {
        for (let i = begin; i < end; ++i) light(text.children[i], 'ev');
      }
      for (const name of [fact.head, fact.tail]) {
        for (const mark of marks.get(name) || []) if (text.contains(mark)) light(mark, 'hot');
      }
    }
    if (fact.head === undefined) return;
    for (const svg of svgs) {
      const links = all(linkKey(fact, svg), svg);
      if (!links.length) continue;  // not among those that are drawn
      light(svg, 'lit');
      for (const part of links) light(part, 'hot');
      for (const name of [fact.head, fact.tail]) {
        for (const part of all(`.node[data-n="${name}"]`, svg)) light(part, 'hot');
      }
    }
  };
  const rest = () => {
    dark();
    if (chosen) lightFact(chosen);
    else if (node !== null) lightNode(node);
  };
  const factsAt = target => {
    const part = target.closest('[data-f], [data-l]');
    if (!part) return [];
    if (part.dataset.f !== undefined) return [facts[+part.dataset.f]];
    const [head, tail] = part.dataset.l.split('-');
    return visible.filter(fact => fact.head === head && fact.tail === tail);
  };
  const hover = target => {
    const row = target.closest('.facts tbody tr');
    const mark = target.closest('.text mark[data-n], .node');
    const some = row ? [factOf.get(row)] : mark ? [] : factsAt(target);
    if (!row && !mark && !some.length) return rest();
    dark();
    if (mark) {
      for (const name of mark.dataset.n.split(' ')) {
        lightNode(name);
        for (const fact of visible) if (fact.head === name || fact.tail === name) light(fact.row, 'hot');
      }
    }
    for (const fact of some) lightFact(fact);
  };
  document.addEventListener('mouseover', event => hover(event.target));
  document.addEventListener('focusin', event => hover(event.target));
  document.addEventListener('mouseleave', rest);

  // ---- choosing ----
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const toView = element => element.scrollIntoView({block: 'center', behavior: still ? 'auto' : 'smooth'});
  // Inside a box that scrolls, without moving the page.
  const intoBox = (element, box) => {
    const inner = element.getBoundingClientRect(), outer = box.getBoundingClientRect(), kEdge = 40;
    if (inner.top < outer.top + kEdge) box.scrollTop += inner.top - outer.top - kEdge;
    else if (inner.bottom > outer.bottom - kEdge) box.scrollTop += inner.bottom - outer.bottom + kEdge;
  };
  const chooseFact = fact => {
    if (chosen) chosen.row.classList.remove('chosen');
    chosen = chosen === fact ? null : fact;
    back.hidden = !(chosen || node !== null || visible.length < facts.length);
    rest();
    if (!chosen) return;
    fact.row.classList.add('chosen');
    intoBox(fact.row, document.querySelector('.list'));
    for (const svg of svgs) {
      const link = fact.head !== undefined && !svg.hasAttribute('hidden') && svg.querySelector(linkKey(fact, svg));
      if (link) intoBox(link, svg.parentElement);
    }
    const text = fact.place && fact.place.querySelector('.text');
    const run = text && fact.runs.length ? text.children[fact.runs[0][0]] : fact.place;
    if (run) toView(run);
  };
  const chooseNode = (name, jump) => {
    node = node === name ? null : name;
    if (chosen) chosen.row.classList.remove('chosen');
    chosen = null;
    apply();
    const mark = node !== null && jump && (marks.get(node) || [])[0];
    if (mark) toView(mark);
  };
  const activate = target => {
    const row = target.closest('.facts tbody tr');
    if (row) return chooseFact(factOf.get(row)), true;
    const mark = target.closest('.text mark[data-n], .node');
    if (mark) return chooseNode(mark.dataset.n.split(' ')[0], mark.matches('.node')), true;
    const some = factsAt(target);
    return some.length > 0 && (chooseFact(some[0]), true);
  };
  document.addEventListener('click', event => {
    if (!window.getSelection().toString()) activate(event.target);
  });
  document.addEventListener('keydown', event => {
    const typing = event.target.matches('input, select');
    if (event.key === '/' && !typing) { search.focus(); event.preventDefault(); }
    if (event.key === 'Escape') reset();
    if ((event.key === 'Enter' || event.key === ' ') && event.target.matches('tr, .node')) {
      if (activate(event.target)) event.preventDefault();
    }
    if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && event.target.matches('.facts tr')) {
      const rows = visible.map(fact => fact.row);
      const next = rows[rows.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)];
      if (next) next.focus();
      event.preventDefault();
    }
  });

  // ---- narrowing ----
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const limit = +least.value;
    by('least-value').textContent = limit.toFixed(2);
    visible = facts.filter(fact =>
      (fact.score === null || fact.score >= limit) &&
      (relation.value === '' || fact.relation === relation.value) &&
      (node === null || fact.head === node || fact.tail === node) &&
      words.every(word => fact.words.includes(word)));
    const narrowed = visible.length < facts.length;
    const shown = new Set(visible);
    for (const fact of facts) fact.row.hidden = !shown.has(fact);
    const places = new Set(visible.map(fact => fact.place));
    for (const place of documents) place.hidden = narrowed && !places.has(place);
    found.textContent = narrowed ? `${visible.length} of ${facts.length} facts` : `${facts.length} facts`;
    back.hidden = !(narrowed || node !== null || chosen);
    if (chosen && !shown.has(chosen)) { chosen.row.classList.remove('chosen'); chosen = null; }
    draw(narrowed);
    rest();
  };
  const reset = () => {
    search.value = ''; least.value = 0; relation.value = ''; node = null;
    if (chosen) chosen.row.classList.remove('chosen');
    chosen = null;
    apply();
  };
  for (const field of [search, least, relation]) field.addEventListener('input', apply);
  back.addEventListener('click', reset);

  // ---- drawing what is left ----
  const draw = narrowed => {
    if (!overview) return;
    const drawable = visible.filter(fact => fact.head !== undefined);
    const asked = search.value.trim() !== '' || relation.value !== '' || node !== null;
    const few = narrowed && drawable.length > 0 && (asked || drawable.length <= kLanes);
    lanes.toggleAttribute('hidden', !few);
    overview.toggleAttribute('hidden', few);
    note.textContent = '';
    if (few) {
      if (drawable.length > kLanes) note.textContent = `The ${kLanes} most probable of ${drawable.length} facts are drawn.`;
      return drawLanes(drawable.slice(0, kLanes));
    }
    const links = new Set(drawable.map(fact => `${fact.head}-${fact.tail}`));
    const nodes = new Set(drawable.flatMap(fact => [fact.head, fact.tail]));
    for (const part of all('[data-l]', overview)) part.classList.toggle('off', !links.has(part.dataset.l));
    for (const part of all('.node', overview)) part.classList.toggle('off', !nodes.has(part.dataset.n));
  };
  const make = (name, attributes, parent, text) => {
    const element = document.createElementNS(lanes.namespaceURI, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };
  const short = (text, most) => { const points = [...text]; return points.length > most ? points.slice(0, most - 1).join('') + '…' : text; };
  // Heads on the left, tails on the right, a row for every fact between them.
  const drawLanes = some => {
    const kRow = 30, kWidth = 860, kSide = 140;
    lanes.replaceChildren();
    const order = new Map();
    for (const fact of some) { if (!order.has(fact.head)) order.set(fact.head, []); order.get(fact.head).push(fact); }
    const rows = [...order.values()].flat();
    const place = new Map(rows.map((fact, i) => [fact, 24 + i * kRow]));
    const mean = list => list.reduce((sum, fact) => sum + place.get(fact), 0) / list.length;
    const tails = new Map();
    for (const fact of rows) { if (!tails.has(fact.tail)) tails.set(fact.tail, []); tails.get(fact.tail).push(fact); }
    const right = [...tails].map(([name, list]) => ({name, list, y: mean(list)})).sort((a, b) => a.y - b.y);
    for (let i = 1; i < right.length; ++i) right[i].y = Math.max(right[i].y, right[i - 1].y + kRow);
    const over = right.length ? right[right.length - 1].y - (24 + (rows.length - 1) * kRow) : 0;
    if (over > 0) {  // move up where there is room
      for (let i = right.length - 1, limit = 24 + (rows.length - 1) * kRow; i >= 0; --i, limit -= kRow) {
        right[i].y = Math.min(right[i].y, limit);
      }
    }
    const height = 24 + rows.length * kRow;
    lanes.setAttribute('viewBox', `0 0 ${kWidth} ${height}`);
    lanes.style.maxHeight = 'none';
    const defs = make('defs', {}, lanes);
    const marker = make('marker', {id: 'arrow-2', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7,
      markerUnits: 'userSpaceOnUse', orient: 'auto'}, defs);
    make('path', {d: 'M0 0L8 4L0 8z'}, marker);
    const lines = make('g', {}, lanes);
    const rightY = new Map(right.map(item => [item.name, item.y]));
    const pill = (x, y, name, label, colour, title) => {
      const group = make('g', {class: `node ${colour}`, 'data-n': name, tabindex: 0, role: 'button', 'aria-label': title}, lanes);
      make('title', {}, group, title);
      const box = make('rect', {y: y - 12, height: 24, rx: 12}, group);
      const text = make('text', {x, y: y + 4.5}, group, short(label, 30));
      const width = Math.min(text.getComputedTextLength() + 20, 2 * kSide);
      box.setAttribute('x', x - width / 2);
      box.setAttribute('width', width);
      if (text.getComputedTextLength() > 2 * kSide - 16) {
        text.setAttribute('textLength', 2 * kSide - 16);
        text.setAttribute('lengthAdjust', 'spacingAndGlyphs');
      }
      return width;
    };
    const widths = new Map();
    for (const [name, list] of order) widths.set(name, pill(kSide, mean(list), name, list[0].names[0], list[0].colours[0], list[0].names[0]));
    for (const item of right) item.width = pill(kWidth - kSide, item.y, item.name, item.list[0].names[1], item.list[0].colours[1], item.list[0].names[1]);
    const rightWidth = new Map(right.map(item => [item.name, item.width]));
    for (const fact of rows) {
      const y = place.get(fact), from = kSide + widths.get(fact.head) / 2, to = kWidth - kSide - rightWidth.get(fact.tail) / 2 - 2;
      const y1 = mean(order.get(fact.head)), y2 = rightY.get(fact.tail), key = facts.indexOf(fact);
      const middle = kWidth / 2, strength = fact.score === null ? 1 : fact.score;
      const group = make('g', {class: 'link', 'data-f': key}, lines);
      make('path', {d: `M${from} ${y1}C${from + 60} ${y1} ${middle - 150} ${y} ${middle - 100} ${y}H${middle + 100}C${middle + 150} ${y} ${to - 60} ${y2} ${to} ${y2}`,
        'stroke-width': 0.8 + 1.4 * strength, 'stroke-opacity': 0.3 + 0.6 * strength, 'marker-end': 'url(#arrow-2)'}, group);
      const label = short(fact.name, 30) + (fact.score === null ? '' : ` · ${fact.score.toFixed(2)}`);
      make('text', {class: 'edge', 'data-f': key, x: middle, y: y - 4}, lines, label);
    }
  };
  apply();
})();
)js";

}  // namespace relata::extract
