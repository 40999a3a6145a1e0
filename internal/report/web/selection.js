// The filter of the page: a list of conditions, all of which a trace must meet.

// A condition is {kind, key, label, test(trace) → bool}, made once for each change.
const selection = {list: [], file: -1, source: -1, mask: null, traces: null};

// select computes the traces that meet all conditions.
function select(d) {
  const {file, src} = d.col, mask = new Uint8Array(d.n);
  const sets = selection.list.map(c => c.set || (c.set = c.make(d)));
  let n = 0;
  for (let i = 0; i < d.n; i++) {
    if (selection.file >= 0 && file[i] !== selection.file) continue;
    if (selection.source >= 0 && src[i] !== selection.source) continue;
    let all = 1;
    for (const set of sets) all &= set[i];
    if (all) { mask[i] = 1; n++; }
  }
  const traces = new Uint32Array(n);
  for (let i = 0, k = 0; i < d.n; i++) if (mask[i]) traces[k++] = i;
  selection.mask = mask;
  selection.traces = traces;
}

// through returns the traces with a hop, or a target, whose address has is set.
function through(d, has, targets = true) {
  const {dst} = d.col, addr = d.col['hop.addr'], set = new Uint8Array(d.n);
  for (let t = 0; t < d.n; t++) {
    if (targets && has[dst[t]]) { set[t] = 1; continue; }
    for (let h = d.first[t], end = d.first[t + 1]; h < end; h++) {
      if (has[addr[h]]) { set[t] = 1; break; }
    }
  }
  return set;
}

// where returns the traces for which test is true.
function where(d, test) {
  const set = new Uint8Array(d.n);
  for (let t = 0; t < d.n; t++) set[t] = test(t) ? 1 : 0;
  return set;
}

// atGroup is the condition that a trace passes a group of a level.
function atGroup(d, level, group) {
  return {
    kind: 'through', key: level.name + group, label: groupName(d, level, group),
    make: d => {
      const has = new Uint8Array(d.addresses), now = d.levels.find(l => l.name === level.name);
      for (let a = 0; a < d.addresses; a++) has[a] = groupOf(now, a) === group ? 1 : 0;
      return through(d, has);
    },
  };
}

const atAddress = (d, a) => atGroup(d, d.levels[2], a);

// onLink is the condition that a trace has two addresses at adjacent TTLs.
function onLink(d, near, far) {
  return {
    kind: 'over', key: near + '-' + far, label: `${address(d, near)} → ${address(d, far)}`,
    make: d => where(d, t => {
      const addr = d.col['hop.addr'], ttl = d.col['hop.ttl'];
      for (let h = d.first[t]; h + 1 < d.first[t + 1]; h++) {
        if (addr[h] === near && addr[h + 1] === far && ttl[h + 1] === ttl[h] + 1) return true;
      }
      return false;
    }),
  };
}

// matching is the condition that a query makes; an error explains why there is none.
function matching(d, query) {
  const text = query.trim(), lower = text.toLowerCase();
  const has = new Uint8Array(d.addresses);
  let found = 0;
  const mark = test => {
    for (let a = 0; a < d.addresses; a++) if (test(a)) { has[a] = 1; found++; }
  };
  const as = /^as ?(\d+)$/.exec(lower), prefix = parsePrefix(lower);
  if (as) {
    const about = d.annotations.map(x => (x.asn || []).includes(Number(as[1])));
    mark(a => { const n = d.col['addr.about'][a]; return n > 0 && about[n - 1]; });
  } else if (prefix) {
    mark(a => inPrefix(d, a, prefix));
  } else {
    const about = d.annotations.map(x => (x.country || '').toLowerCase() === lower ||
      lower.length > 2 && [x.as_name, x.ixp, x.prefix].some(s => s && s.toLowerCase().includes(lower)));
    const names = d.names.map(s => lower.length > 2 && s.toLowerCase().includes(lower));
    mark(a => {
      const n = d.col['addr.about'][a], k = d.col['addr.name'][a];
      return n > 0 && about[n - 1] || k > 0 && names[k - 1];
    });
  }
  if (!found) throw new Error(`No address, name, AS or country in these results matches “${clean(text)}”.`);
  return {kind: 'matches', key: lower, label: text, make: d2 => {
    if (d2 === d) return through(d, has);
    return matching(d2, query).make(d2);
  }};
}

// parsePrefix returns the octets and length of an address or a prefix, or null.
function parsePrefix(text) {
  const m = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/.exec(text);
  if (!m) return null;
  const octets = parseAddress(m[1]);
  if (!octets) return null;
  const bits = m[2] === undefined ? octets.length * 8 : Number(m[2]);
  return bits <= octets.length * 8 ? {octets, bits} : null;
}

function parseAddress(text) {
  if (!text.includes(':')) {
    const parts = text.split('.').map(Number);
    return parts.length === 4 && text.split('.').every(p => /^\d{1,3}$/.test(p)) && parts.every(p => p < 256) ? parts : null;
  }
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const words = s => s === '' ? [] : s.split(':');
  let list = words(halves[0]);
  if (halves.length === 2) {
    const end = words(halves[1]), gap = 8 - list.length - end.length;
    if (gap < 1) return null;
    list = list.concat(Array(gap).fill('0'), end);
  }
  if (list.length !== 8 || !list.every(w => /^[0-9a-f]{1,4}$/.test(w))) return null;
  return list.flatMap(w => [parseInt(w, 16) >> 8, parseInt(w, 16) & 255]);
}

function inPrefix(d, a, {octets, bits}) {
  const six = a >= d.addresses4;
  if (six !== (octets.length === 16)) return false;
  for (let i = 0; i * 8 < bits; i++) {
    const b = six ? d.col.addr6[(a - d.addresses4) * 16 + i] : d.col.addr4[a] >>> 24 - 8 * i & 255;
    const mask = bits - i * 8 >= 8 ? 255 : 255 << 8 - (bits - i * 8) & 255;
    if ((b & mask) !== (octets[i] & mask)) return false;
  }
  return true;
}
