// Changes by their prefix: the targets that changed together, and where their paths part.

// eventsOf returns the changes of the chosen targets by prefix.
function eventsOf(d, list) {
  const events = new Map();
  const add = (map, key) => { if (key !== none && key !== '') map.set(key, (map.get(key) || 0) + 1); };
  for (const x of list) {
    const key = x.part.prefix;
    if (!events.has(key)) events.set(key, {key, part: x.part, targets: [], ttl: x.ttl, after: new Map(), old: new Map(), new: new Map(), left: new Map(), entered: new Map(), shifts: []});
    const e = events.get(key), by = d.times[1][x.dst] - d.times[0][x.dst] - d.comparison.baseline_ns / 1e6;
    e.targets.push(x.dst);
    e.ttl = Math.min(e.ttl, x.ttl);
    for (const field of ['after', 'old', 'new', 'left', 'entered']) add(e[field], x[field]);
    if (!Number.isNaN(by)) e.shifts.push(by);
  }
  const list2 = [...events.values()];
  const mostly = (map, n) => new Map([...map].filter(x => 2 * x[1] > n)); // an AS of a few targets alone is no sign
  for (const e of list2) for (const field of ['left', 'entered']) e[field] = mostly(e[field], e.targets.length);
  for (const e of list2) for (const field of ['after', 'old', 'new', 'left', 'entered']) e[field] = [...e[field]].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(x => x[0]);
  return list2.sort((a, b) => b.targets.length - a.targets.length || a.ttl - b.ttl || a.key.localeCompare(b.key));
}

const signed = x => Math.abs(x) < 0.005 ? '0.00' : (x < 0 ? '−' : '+') + milliseconds(Math.abs(x));

// router returns the cell of an address, or that of none; routers that of the first of several.
const router = (d, a) => a === none ? '–' : el('span', {class: 'address'}, el('code', null, address(d, a)), asOf(aboutOf(d, a)) ? el('small', null, asOf(aboutOf(d, a))) : null);
const routers = (d, list) => !list.length ? '–' : el('span', null, list.slice(0, 3).map(a => el('div', null, router(d, a))), list.length > 3 ? el('small', {class: 'quiet'}, `and ${count(list.length - 3)} more`) : null);
const systemsCell = text => text ? name(text) : '–';

function showEvents(d, apply) {
  const shown = new Set(viewer.targets.map(x => x.addr)), list = d.changes.filter(x => shown.has(x.dst)), events = eventsOf(d, list);
  const systems = d.changes.some(x => x.left || x.entered);
  const nothing = text => el('p', {class: 'quiet'}, text);
  const box = $('events').querySelector('.content'), c = d.comparison;
  box.replaceChildren(events.length ? table(events.length > 25 ? `Targets that changed together: 25 of ${count(events.length)} prefixes` : 'Targets that changed together', [
    {title: 'Prefix', cell: e => el('code', null, e.part.prefix)}, {title: 'Targets', number: true, cell: e => count(e.targets.length)}, {title: 'Share', cell: e => bar(e.targets.length, events[0].targets.length, 'var(--bad)')},
    {title: 'First TTL', number: true, cell: e => e.ttl}, {title: 'After', cell: e => routers(d, e.after)}, {title: 'Old routers', cell: e => routers(d, e.old)}, {title: 'New routers', cell: e => routers(d, e.new)},
    ...(systems ? [{title: 'ASes left', cell: e => systemsCell(e.left[0])}, {title: 'ASes entered', cell: e => systemsCell(e.entered[0])}] : []),
    {title: 'RTT shift, ms', number: true, cell: e => e.shifts.length ? signed(quantiles(Float32Array.from(e.shifts), [0.5])[0]) : '–'},
    {title: 'Chance', number: true, cell: e => e.part.chance.toExponential(0)},
  ], events.slice(0, 25), e => apply(toTargets('changed in', e.key, e.key, e.targets))) : nothing('No path of the chosen targets changed.'));
  if (c.groups) {
    const word = {as: 'AS', prefix: 'Prefix'}[c.by] || 'Group', rows = c.groups.filter(g => g.changed > 0);
    box.append(table(`Changed paths by ${word}: ${Math.min(50, rows.length)} of ${count(c.changed_groups)}`, [
      {title: word, cell: g => name(g.name)}, {title: 'Changed', number: true, cell: g => count(g.changed)}, {title: 'Compared', number: true, cell: g => count(g.compared)}, {title: 'Share', number: true, cell: g => percent(g.changed, g.compared)},
    ], rows.slice(0, 50)));
  }
  $('changed').querySelector('.content').replaceChildren(list.length ? table(list.length > 100 ? `Changed paths: 100 of ${count(list.length)}; a filter shows others` : 'Changed paths', [
    {title: 'Target', cell: x => addressCell(d, x.dst)}, {title: 'TTL', number: true, cell: x => x.ttl}, {title: 'After', cell: x => router(d, x.after)},
    {title: 'Old', cell: x => router(d, x.old)}, {title: 'New', cell: x => router(d, x.new)},
    ...(systems ? [{title: 'ASes left', cell: x => systemsCell(x.left)}, {title: 'ASes entered', cell: x => systemsCell(x.entered)}] : []),
    {title: 'RTT, ms', number: true, cell: x => shiftText(d, x.dst)},
    {title: 'Changed together', cell: x => el('span', {title: `chance ${x.part.chance.toExponential(0)}`}, `${count(x.part.witnesses)} in `, el('code', null, x.part.prefix))},
  ], list.slice(0, 100), x => { viewer.target = x.dst; showPaths(d); $('paths').scrollIntoView(); $('paths-title').focus({preventScroll: true}); }) : nothing('No path of the chosen targets changed.'));
}

// showTimes lists the prefixes with other round-trip times.
function showTimes(d, apply) {
  const shifts = d.comparison.rtt_shifts || [], ms = ns => milliseconds(ns / 1e6), most = Math.max(...shifts.map(s => Math.abs(s.new_ns - s.old_ns)), 1);
  $('times').querySelector('.content').replaceChildren(
    el('p', {class: 'quiet'}, `The median difference of all times is ${signed(d.comparison.baseline_ns / 1e6)} ms. It belongs to the vantage point, and is subtracted.`),
    shifts.length ? table('Prefixes on unchanged paths', [
      {title: 'Prefix', cell: s => el('code', null, s.prefix)}, {title: 'Targets', number: true, cell: s => count(s.targets)}, {title: 'Old median, ms', number: true, cell: s => ms(s.old_ns)},
      {title: 'New median, ms', number: true, cell: s => ms(s.new_ns)}, {title: 'Shift, ms', number: true, cell: s => signed((s.new_ns - s.old_ns) / 1e6)}, {title: 'Shift', cell: s => bar(Math.abs(s.new_ns - s.old_ns), most, s.new_ns > s.old_ns ? 'var(--bad)' : 'var(--good)')},
    ], shifts.slice(0, 50), s => apply(matching(d, s.prefix))) : el('p', {class: 'quiet'}, 'No prefix on unchanged paths has other round-trip times.'));
}

// sidesOf returns the interfaces and links of the chosen traces: in the old (1) or new (2) scan, and on a changed path (4).
function sidesOf(d) {
  const {dst, file} = d.col, addr = d.col['hop.addr'], ttl = d.col['hop.ttl'], changed = d.comparison.kinds.indexOf('changed');
  const nodes = new Uint8Array(d.addresses), traces = new Uint32Array(d.addresses), links = new Map();
  for (const t of selection.traces) {
    const side = (file[t] ? 2 : 1) | (d.col.kind[t] === changed ? 4 : 0);
    for (let h = d.first[t], end = d.first[t + 1]; h < end; h++) {
      const a = addr[h];
      if (a === dst[t]) continue;
      nodes[a] |= side;
      traces[a]++;
      if (h + 1 < end && ttl[h + 1] === ttl[h] + 1 && addr[h + 1] !== dst[t] && addr[h + 1] !== a) {
        const key = a * d.addresses + addr[h + 1], at = links.get(key);
        if (at) { at.is |= side; at.n++; } else links.set(key, {near: a, far: addr[h + 1], is: side, n: 1});
      }
    }
  }
  return {nodes, traces, links};
}

// showSets lists the interfaces and links that one scan alone has.
function showSets(d, apply) {
  const {nodes, traces, links} = sidesOf(d), gone = 1 | 4, fresh = 2 | 4, box = $('sets').querySelector('.content');
  const faces = is => { const n = new Uint32Array(nodes.length); nodes.forEach((x, a) => { if (x === is) n[a] = traces[a]; }); return [busiest(n, 20), n.reduce((k, x) => k + (x > 0), 0)]; };
  const hops = is => { const list = [...links.values()].filter(l => l.is === is).sort((a, b) => b.n - a.n || a.near - b.near || a.far - b.far); return [list.slice(0, 20), list.length]; };
  const caption = (word, [list, all]) => `${word}: ${all > list.length ? `${list.length} of ${count(all)}` : count(all)}`;
  const nodeTable = (word, found) => table(caption(word, found), [
    {title: 'Interface', cell: a => addressCell(d, a)}, ...(hasNetworks(d) ? [{title: 'Network', cell: a => networkCell(d, a)}] : []), {title: 'Traces', number: true, cell: a => count(traces[a])},
  ], found[0], a => apply(atAddress(d, a)));
  const linkTable = (word, found) => table(caption(word, found), [
    {title: 'Link', cell: l => el('span', null, el('code', null, address(d, l.near)), ' → ', el('code', null, address(d, l.far)))}, {title: 'Replies', number: true, cell: l => count(l.n)},
  ], found[0], l => apply(onLink(d, l.near, l.far)));
  box.replaceChildren(el('p', {class: 'quiet'}, 'In one scan alone, and on a changed path. Others may be branches of load balancers that one scan did not meet.'),
    el('div', {class: 'pair'}, nodeTable('Interfaces gone', faces(gone)), nodeTable('New interfaces', faces(fresh)), linkTable('Links gone', hops(gone)), linkTable('New links', hops(fresh))));
}
