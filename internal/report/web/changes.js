// The comparison of two results: see pairdata.go. File 0 of the page is the old one, file 1 the new one.

const kinds = {
  same: ['same path', 'no TTL has two addresses', '--good'],
  other_branch: ['other branch', 'a load balancer explains it, or too few targets show it', '--accent-soft'],
  changed: ['changed path', 'load balancers do not explain the difference', '--bad'],
  appeared: ['appeared', 'nothing answered in the old scan', '--new'],
  vanished: ['vanished', 'nothing answers in the new scan', '--old'],
  no_answer: ['no answer', 'nothing answered in both scans', '--silent2'],
};
const none = 0xffffffff;

// decodeComparison makes the lists of changes and of ends, and the round-trip times to the targets.
function decodeComparison(d) {
  const c = d.comparison, col = d.col;
  if (!c) return;
  const system = n => n ? c.systems[n - 1] : '';
  d.changes = Array.from(col['change.dst'], (dst, i) => ({dst, ttl: col['change.ttl'][i], after: col['change.after'][i], old: col['change.old'][i], new: col['change.new'][i],
    part: c.parts[col['change.part'][i]], left: system(col['change.left'][i]), entered: system(col['change.entered'][i])}));
  d.changeAt = new Map(d.changes.map(x => [x.dst, x]));
  d.otherEnds = Array.from(col['end.dst'], (dst, i) => ({dst, old: c.ends[col['end.old'][i] - 1], new: c.ends[col['end.new'][i] - 1]}));
  d.times = [0, 1].map(() => new Float32Array(d.addresses).fill(NaN)); // to each target, in both scans
  for (let t = 0; t < d.n; t++) {
    const times = d.times[col.file[t]], dst = col.dst[t];
    for (let h = d.first[t]; h < d.first[t + 1]; h++) if (col['hop.addr'][h] === dst && !(times[dst] <= d.rtt[h])) times[dst] = d.rtt[h];
  }
}

// toTargets is the condition that a trace is to one of some targets.
const toTargets = (kind, key, label, list) => ({kind, key, label, make: d => {
  const set = new Uint8Array(d.addresses);
  list.forEach(a => { set[a] = 1; });
  return where(d, t => set[d.col.dst[t]]);
}});

function comparisonHeadline(d) {
  const c = d.comparison, box = $('headline'), [old, now] = d.files;
  $('title').textContent = clean(`${old.file} → ${now.file}`);
  document.title = clean(`${old.file} → ${now.file} – masstrace compare`);
  const began = [none, none];
  for (let t = 0; t < d.n; t++) if (d.col.start[t] < began[d.col.file[t]]) began[d.col.file[t]] = d.col.start[t];
  const fact = (word, k) => el('span', null, `${word}: `, name(d.files[k].file), began[k] === none ? '' : ', ' + time(d.base + began[k]));
  const tile = (title, value, note, tone) => el('div', {class: 'tile' + (tone ? ' ' + tone : '')}, el('dt', null, title), el('dd', null, el('strong', null, value), note ? el('span', null, note) : null));
  box.replaceChildren(el('p', {class: 'facts'}, fact('Old', 0), fact('new', 1)), el('dl', {class: 'tiles'},
    tile('Compared', count(c.compared), c.only_old + c.only_new ? `targets; ${count(c.only_old)} of the old scan alone and ${count(c.only_new)} of the new one are left out` : 'targets of both scans'),
    tile('Changed paths', count(c.changed), percent(c.changed, c.compared), c.changed ? 'alert' : ''),
    tile('Other ends', count(c.other_ends), 'of paths', c.other_ends ? 'alert' : ''),
    tile('Other times', count((c.rtt_shifts || []).length), 'prefixes on unchanged paths', (c.rtt_shifts || []).length ? 'alert' : ''),
    tile('Silent now', count(c.reached_old), `targets; ${count(c.reached_new)} answer anew`),
    tile('Interfaces', count(c.interfaces.both), `in both; ${count(c.interfaces.gone)} gone, ${count(c.interfaces.new)} new`),
    tile('Links', count(c.links.both), `in both; ${count(c.links.gone)} gone, ${count(c.links.new)} new`)));
  const notes = d.notes.map(n => 'Damaged: ' + n);
  if (d.n < d.totals.traces) notes.push(`The page has ${count(d.n)} of ${count(d.totals.traces)} traces, those to changed targets first. The numbers above are of all traces; everything below is of those in the page.`);
  if (!c.compared) notes.push('The two results have no target in common.');
  notes.forEach(n => box.append(el('p', {class: 'notice'}, n)));
}

// targetCounts returns the number of chosen targets by a function of their traces.
function targetCounts(d, of) {
  const sums = new Map();
  for (const target of viewer.targets) {
    const key = of(target);
    if (key !== null) sums.set(key, (sums.get(key) || 0) + 1);
  }
  return sums;
}

// changedFirst returns targets with those that changed first, in the order of their addresses.
function changedFirst(d, targets) {
  const is = x => d.changeAt.has(x.addr) || ['appeared', 'vanished'].includes(d.comparison.kinds[d.col.kind[x.traces[0]]]);
  return [...targets.filter(is), ...targets.filter(x => !is(x))];
}

// showKinds shows what became of the paths, and of their verdicts.
function showKinds(d, apply) {
  const c = d.comparison, sums = targetCounts(d, x => d.col.kind[x.traces[0]]);
  const rows = [...sums].map(([k, n]) => { const [word, note, color] = kinds[c.kinds[k]]; return {k, n, word, note, color: `var(${color})`}; }).sort((a, b) => a.k - b.k);
  const pair = x => { const v = [0, 1].map(k => x.traces.filter(t => d.col.file[t] === k)); return v.every(l => l.length) ? v.map(l => verdictOf(d, lastOf(d, l))).join(' ') : null; };
  const changed = [...targetCounts(d, pair)].filter(([key]) => key.split(' ')[0] !== key.split(' ')[1]).sort((a, b) => b[1] - a[1]);
  const word = v => el('span', null, el('i', {class: 'key', style: `background:var(${verdictColor(v)})`}), verdictWord(v));
  $('kinds').querySelector('.content').replaceChildren(el('div', {class: 'pair'},
    sharesOf('Targets by the change of their paths', 'Path', rows, viewer.targets.length, r => apply({kind: 'path', key: String(r.k), label: r.word, make: d => where(d, t => d.col.kind[t] === r.k)}), [], 'Targets'),
    el('div', null, el('h3', null, 'Targets whose verdict is another one'), el('p', {class: 'quiet'}, 'Silence alone is no change: a lost reply changes a verdict, too.'),
      changed.length ? table('Targets whose verdict is another one', [
        {title: 'Old verdict', cell: r => word(r[0].split(' ')[0])}, {title: 'New verdict', cell: r => word(r[0].split(' ')[1])}, {title: 'Targets', number: true, cell: r => count(r[1])},
      ], changed.slice(0, 20), r => apply(toTargets('verdict', r[0], r[0].split(' ').map(verdictWord).join(' → '), targetsOf(d).filter(x => pair(x) === r[0]).map(x => x.addr)))) : el('p', {class: 'quiet'}, 'Every verdict is the same.'),
      endsTable(d, apply))));
}

// endsTable shows the targets whose paths end in another answer.
function endsTable(d, apply) {
  const shown = new Set(viewer.targets.map(x => x.addr)), rows = d.otherEnds.filter(x => shown.has(x.dst));
  if (!rows.length) return null;
  return table('Targets whose paths end in another answer', [
    {title: 'Target', cell: r => addressCell(d, r.dst)}, {title: 'Old end', cell: r => el('code', null, r.old)}, {title: 'New end', cell: r => el('code', null, r.new)},
  ], rows.slice(0, 20), r => apply(toTargets('to', 'to' + r.dst, address(d, r.dst), [r.dst])));
}

// shiftText returns the round-trip times to a target, old and new, and their difference.
function shiftText(d, a) {
  const [old, now] = [d.times[0][a], d.times[1][a]];
  if (Number.isNaN(old) || Number.isNaN(now)) return Number.isNaN(old) && Number.isNaN(now) ? '–' : `${milliseconds(old)} → ${milliseconds(now)}`;
  const by = now - old - d.comparison.baseline_ns / 1e6;
  return `${milliseconds(old)} → ${milliseconds(now)} (${signed(by)})`;
}
