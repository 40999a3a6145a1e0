'use strict';
// Reads the data of the page: see encode.go.

const views = {u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array};

// unpack returns the octets of the data in the page.
async function unpack(packed) {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error('This browser is too old for this report. It needs DecompressionStream: Chrome 80, Firefox 113, Safari 16.4 or later.');
  }
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

// fromBase64 returns the octets of a text.
function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

// decode returns the columns of buffer by name, and the fields of its header.
function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const d = Object.assign({}, head);
  const col = {};
  for (const c of head.columns) col[c.name] = new views[c.type](buffer, 4 + length + c.offset, c.length);
  d.col = col;
  d.n = col.dst.length;
  d.m = col['hop.addr'].length;
  d.first = new Uint32Array(d.n + 1); // of the hops of each trace
  for (let i = 0; i < d.n; i++) d.first[i + 1] = d.first[i] + col.hops[i];
  const a4 = col.addr4;
  for (let i = 1; i < a4.length; i++) a4[i] += a4[i - 1];
  d.addresses = d.addresses4 + d.addresses6;
  const r0 = col['hop.rtt0'], r1 = col['hop.rtt1'], r2 = col['hop.rtt2'];
  d.rtt = new Float32Array(d.m); // ms, NaN: not known
  for (let i = 0; i < d.m; i++) {
    const us = r0[i] | r1[i] << 8 | r2[i] << 16;
    d.rtt[i] = us === 0xffffff ? NaN : us / 1000;
  }
  d.levels.forEach(l => {
    l.of = col[l.name + '.of'] || null;
    l.node = col[l.name + '.node'];
    l.place = new Map();
    l.node.forEach((g, i) => l.place.set(g, i));
  });
  d.limitedAt = new Map(d.limited.map(l => [l.addr, l]));
  d.diamondAt = new Map(d.diamonds);
  findDiamonds(d);
  decodeComparison(d);
  return d;
}

// findDiamonds adds the addresses after which the flows to one target part. The traces to a target
// stand together.
function findDiamonds(d) {
  const {dst} = d.col, addr = d.col['hop.addr'], ttl = d.col['hop.ttl'];
  for (let i = 0; i < d.n;) {
    let j = i + 1;
    while (j < d.n && dst[j] === dst[i]) j++;
    if (j - i > 1) {
      const next = new Map();
      for (let t = i; t < j; t++) {
        for (let h = d.first[t]; h + 1 < d.first[t + 1]; h++) {
          if (ttl[h + 1] !== ttl[h] + 1) continue;
          const key = addr[h] * 256 + ttl[h];
          const set = next.get(key);
          if (set) set.add(addr[h + 1]); else next.set(key, new Set([addr[h + 1]]));
        }
      }
      for (const [key, set] of next) {
        const a = Math.floor(key / 256);
        if (set.size > 1) d.diamondAt.set(a, Math.max(set.size, d.diamondAt.get(a) || 0));
      }
    }
    i = j;
  }
}

// address returns an address as text (RFC 5952).
function address(d, i) {
  if (i < d.addresses4) {
    const a = d.col.addr4[i];
    return a === 0 ? '?' : `${a >>> 24}.${a >>> 16 & 255}.${a >>> 8 & 255}.${a & 255}`;
  }
  const b = d.col.addr6, at = (i - d.addresses4) * 16, w = [];
  for (let k = 0; k < 16; k += 2) w.push(b[at + k] << 8 | b[at + k + 1]);
  let best = -1, most = 1;
  for (let k = 0; k < 8;) {
    let e = k;
    while (e < 8 && w[e] === 0) e++;
    if (e - k > most) { best = k; most = e - k; }
    k = Math.max(e, k + 1);
  }
  const hex = list => list.map(x => x.toString(16)).join(':');
  return best < 0 ? hex(w) : hex(w.slice(0, best)) + '::' + hex(w.slice(best + most));
}

const nameOf = (d, i) => { const n = d.col['addr.name'][i]; return n ? d.names[n - 1] : ''; };
const aboutOf = (d, i) => { const n = d.col['addr.about'][i]; return n ? d.annotations[n - 1] : null; };
const asOf = a => a && a.asn && a.asn.length ? 'AS' + a.asn[0] : '';

// groupOf returns the group of an address at a level; -1: none.
const groupOf = (level, a) => level.of ? level.of[a] - 1 : a;
const groupName = (d, level, g) => level.groups ? level.groups[g] : address(d, g);

// silentAt and limitedAt report whether a TTL of a trace was probed in vain.
const bitOf = (low, high, ttl) => ttl < 32 ? low >>> ttl & 1 : ttl < 64 ? high >>> ttl - 32 & 1 : 0;
const silentAt = (d, t, ttl) => bitOf(d.col['silent.low'][t], d.col['silent.high'][t], ttl);
const wasLimited = (d, t, ttl) => bitOf(d.col['limited.low'][t], d.col['limited.high'][t], ttl);

// Flags of a trace: see path.go.
const flag = {reached: 1, halted: 2, contested: 4, drops: 8, loop: 16};
