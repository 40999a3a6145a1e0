// Tables of addresses: busiest interfaces and links, networks and places, middleboxes and limits.

// addressCell returns an address with its name and marks.
function addressCell(d, a) {
  const text = nameOf(d, a), about = aboutOf(d, a);
  const badges = [];
  if (d.limitedAt.has(a)) badges.push(['limited', 'warn']);
  if (d.diamondAt.has(a)) badges.push([`balancer ×${d.diamondAt.get(a)}`, 'diamond']);
  if (about && about.ixp) badges.push(['exchange', 'ixp']);
  return el('span', {class: 'address'}, el('code', null, address(d, a)), text ? el('small', null, name(text)) : null, badges.map(([w, c]) => el('em', {class: 'badge ' + c}, w)));
}

function networkCell(d, a) {
  const about = aboutOf(d, a);
  if (!about) return '';
  return name([asOf(about), about.ixp || about.as_name].filter(Boolean).join(' '));
}

const hasNetworks = d => d.annotations.length > 0;

function showBusiest(d, apply) {
  const addr = d.col['hop.addr'], ttl = d.col['hop.ttl'], {dst} = d.col;
  const traces = new Uint32Array(d.addresses), seen = new Int32Array(d.addresses).fill(-1), rtts = new Float64Array(d.addresses), ttls = new Float64Array(d.addresses), replies = new Uint32Array(d.addresses), timed = new Uint32Array(d.addresses);
  let pairs = 0;
  const keys = new Float64Array(d.m);
  for (const t of selection.traces) {
    for (let h = d.first[t], end = d.first[t + 1]; h < end; h++) {
      const a = addr[h];
      if (a === dst[t]) continue;
      if (seen[a] !== t) { seen[a] = t; traces[a]++; }
      replies[a]++;
      ttls[a] += ttl[h];
      if (d.rtt[h] === d.rtt[h]) { rtts[a] += d.rtt[h]; timed[a]++; }
      if (h + 1 < end && ttl[h + 1] === ttl[h] + 1 && addr[h + 1] !== dst[t] && addr[h + 1] !== a) keys[pairs++] = a * d.addresses + addr[h + 1];
    }
  }
  const all = selection.traces.length;
  const top = busiest(traces, 25);
  const networks = hasNetworks(d) ? [{title: 'Network', cell: a => networkCell(d, a)}] : [];
  const sorted = keys.subarray(0, pairs).sort(), links = [];
  let least = 0;
  for (let i = 0; i < pairs;) {
    let j = i + 1;
    while (j < pairs && sorted[j] === sorted[i]) j++;
    if (j - i > least) links.push({key: sorted[i], n: j - i});
    if (links.length === 1000) { links.sort((x, y) => y.n - x.n).length = 100; least = links[99].n; }
    i = j;
  }
  links.sort((x, y) => y.n - x.n);
  const ends = links.slice(0, 25).map(l => ({near: Math.floor(l.key / d.addresses), far: l.key % d.addresses, n: l.n}));
  $('busiest').querySelector('.content').replaceChildren(el('div', {class: 'pair'},
    table('Interfaces in most traces', [
      {title: 'Interface', cell: a => addressCell(d, a)}, ...networks,
      {title: 'Traces', number: true, cell: a => count(traces[a])},
      {title: 'Share', number: true, cell: a => percent(traces[a], all)},
      {title: 'TTL', number: true, cell: a => (ttls[a] / replies[a]).toFixed(1)},
      {title: 'RTT, ms', number: true, cell: a => timed[a] ? milliseconds(rtts[a] / timed[a]) : '–'},
    ], top, a => apply(atAddress(d, a))),
    table('Links in most traces', [
      {title: 'Link', cell: l => el('span', null, el('code', null, address(d, l.near)), ' → ', el('code', null, address(d, l.far)))},
      ...(hasNetworks(d) ? [{title: 'Networks', cell: l => { const x = asOf(aboutOf(d, l.near)), y = asOf(aboutOf(d, l.far)); return x === y ? x : `${x || '?'} → ${y || '?'}`; }}] : []),
      {title: 'Replies', number: true, cell: l => count(l.n)},
    ], ends, l => apply(onLink(d, l.near, l.far)))));
}

// busiest returns the places of the most highest counts above 0.
function busiest(counts, most) {
  let list = [], least = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] <= least) continue;
    list.push(i);
    if (list.length >= 4 * most) {
      list.sort((x, y) => counts[y] - counts[x] || x - y).length = most;
      least = counts[list[most - 1]];
    }
  }
  return list.sort((x, y) => counts[y] - counts[x] || x - y).slice(0, most);
}

// showPlaces counts traces by network, country and exchange.
function showPlaces(d, apply) {
  const section = $('places'), box = section.querySelector('.content');
  if (!hasNetworks(d)) {
    box.replaceChildren(el('p', {class: 'quiet'}, 'The results have no AS numbers, countries or exchanges. ', el('code', null, 'masstrace annotate'), ' adds them from databases.'));
    return;
  }
  const addr = d.col['hop.addr'], kinds = [
    {title: 'Networks', of: a => a.ixp ? '' : a.asn && a.asn.length ? [asOf(a), a.as_name].filter(Boolean).join(' ') : '', query: k => k.split(' ')[0]},
    {title: 'Countries', of: a => a.country || '', query: k => k},
    {title: 'Exchanges', of: a => a.ixp || '', query: k => k},
  ];
  box.replaceChildren(el('div', {class: 'pair three'}, kinds.map(kind => {
    const keys = [...new Set(d.annotations.map(kind.of))].filter(Boolean), numbers = new Map(keys.map((k, i) => [k, i + 1]));
    if (!keys.length) return null;
    const of = new Uint32Array(d.annotations.length + 1);
    d.annotations.forEach((a, i) => { of[i + 1] = numbers.get(kind.of(a)) || 0; });
    const sums = new Uint32Array(keys.length), routers = new Uint32Array(keys.length), seen = new Int32Array(keys.length + 1).fill(-1), known = new Uint8Array(d.addresses), about = d.col['addr.about'];
    for (const t of selection.traces) {
      for (let h = d.first[t], end = d.first[t + 1]; h < end; h++) {
        const k = of[about[addr[h]]];
        if (!k) continue;
        if (!known[addr[h]]) { known[addr[h]] = 1; routers[k - 1]++; }
        if (seen[k] !== t) { seen[k] = t; sums[k - 1]++; }
      }
    }
    const all = selection.traces.length;
    return table(kind.title, [
      {title: kind.title.slice(0, -1).replace('Countrie', 'Country'), cell: i => name(keys[i])},
      {title: 'Addresses', number: true, cell: i => count(routers[i])},
      {title: 'Traces', number: true, cell: i => count(sums[i])},
      {title: '', cell: i => bar(sums[i], all)},
    ], busiest(sums, 15), i => apply(matching(d, kind.query(keys[i]))));
  })));
}

// showMiddleboxes counts what devices on the way did.
function showMiddleboxes(d, apply) {
  const {nat} = d.col, addr = d.col['hop.addr'], mangled = d.col['hop.mangled'], stack = d.col['hop.stack'];
  const fields = new Uint32Array(d.mangled.length), natAt = new Map(), seen = new Int32Array(fields.length).fill(-1);
  const labels = new Map();
  let behind = 0, tunnels = 0;
  for (const t of selection.traces) {
    if (nat[t]) { behind++; natAt.set(nat[t], (natAt.get(nat[t]) || 0) + 1); }
    let tunnel = false;
    for (let h = d.first[t], end = d.first[t + 1]; h < end; h++) {
      for (let k = 0, m = mangled[h]; m; k++, m >>= 1) if (m & 1 && seen[k] !== t) { seen[k] = t; fields[k]++; }
      if (stack[h]) { tunnel = true; labels.set(addr[h], (labels.get(addr[h]) || 0) + 1); }
    }
    if (tunnel) tunnels++;
  }
  const all = selection.traces.length, box = $('middleboxes').querySelector('.content');
  const rewritten = busiest(fields, 9), first = [...natAt].sort((x, y) => x[0] - y[0]), tunnel = [...labels].sort((x, y) => y[1] - x[1]).slice(0, 12);
  const words = {ipid: 'IPv4 identification', csum: 'checksum', len: 'length', label: 'flow label', tos: 'TOS or traffic class', src: 'source address', id: 'ICMP identifier', seq: 'sequence number', payload: 'payload'};
  const none = text => el('p', {class: 'quiet'}, text);
  const chapter = (title, content) => el('div', null, el('h3', null, title), content);
  box.replaceChildren(el('div', {class: 'pair'},
    chapter('Rewritten fields', rewritten.length ? table('Fields of probes that a device rewrote', [
      {title: 'Field', cell: k => words[d.mangled[k]] || d.mangled[k]},
      {title: 'Traces', number: true, cell: k => count(fields[k])}, {title: 'Share', number: true, cell: k => percent(fields[k], all)}, {title: '', cell: k => bar(fields[k], all)},
    ], rewritten, k => apply({kind: 'rewritten', key: String(k), label: words[d.mangled[k]] || d.mangled[k], make: d => where(d, t => {
      for (let h = d.first[t]; h < d.first[t + 1]; h++) if (d.col['hop.mangled'][h] >> k & 1) return true;
      return false;
    })})) : none('No device rewrote a field of a probe.')),
    chapter('NAT', first.length ? table(`Address translation: ${count(behind)} traces (${percent(behind, all)})`, [
      {title: 'First TTL behind it', cell: r => r[0]}, {title: 'Traces', number: true, cell: r => count(r[1])}, {title: '', cell: r => bar(r[1], behind)},
    ], first, r => apply({kind: 'NAT before TTL', key: String(r[0]), label: String(r[0]), make: d => where(d, t => d.col.nat[t] === r[0])})) : none('No sign of address translation.')),
    chapter('MPLS', tunnel.length ? table(`Label stacks: ${count(tunnels)} traces (${percent(tunnels, all)})`, [
      {title: 'Router', cell: r => addressCell(d, r[0])}, {title: 'Replies', number: true, cell: r => count(r[1])},
    ], tunnel, r => apply(atAddress(d, r[0]))) : none('No router showed a label stack.')),
    chapter('Limited routers', d.limited.length ? table('Routers that limit the rate of their answers', [
      {title: 'Router', cell: l => addressCell(d, l.addr)}, {title: 'Answered', number: true, cell: l => count(l.answered)}, {title: 'Silent', number: true, cell: l => count(l.silent)},
    ], d.limited.slice().sort((x, y) => y.silent - x.silent).slice(0, 12), l => apply(atAddress(d, l.addr))) : none('The run found no router that limits the rate of its answers.'))));
}
