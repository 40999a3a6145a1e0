// The picture of the paths to a target: TTLs from top to bottom, a line for each flow.

const lines = ['--line1', '--line2', '--line3', '--line4', '--line5', '--line6', '--line7', '--line8'];
const mostLines = 24;

// stationsOf returns the rows of a picture: {ttl, last, stations: [{addr, rtt, traces, hop}]}. Rows
// without a station are TTLs in silence.
function stationsOf(d, traces) {
  const addr = d.col['hop.addr'], ttl = d.col['hop.ttl'], rows = new Map();
  let top = 0;
  for (const t of traces) {
    for (let h = d.first[t]; h < d.first[t + 1]; h++) {
      const x = ttl[h];
      top = Math.max(top, x);
      if (!rows.has(x)) rows.set(x, new Map());
      const at = rows.get(x);
      if (!at.has(addr[h])) at.set(addr[h], {addr: addr[h], rtt: NaN, rtts: [NaN, NaN], traces: new Set(), hop: h});
      const s = at.get(addr[h]);
      s.traces.add(t);
      if (!(s.rtt <= d.rtt[h])) s.rtt = d.rtt[h];
      if (d.comparison && !(s.rtts[d.col.file[t]] <= d.rtt[h])) s.rtts[d.col.file[t]] = d.rtt[h];
    }
  }
  const list = [];
  for (let x = 1; x <= top; x++) {
    if (rows.has(x)) list.push({ttl: x, last: x, stations: [...rows.get(x).values()].sort((a, b) => b.traces.size - a.traces.size || a.addr - b.addr)});
    else if (list.length && !list[list.length - 1].stations.length) list[list.length - 1].last = x;
    else list.push({ttl: x, last: x, stations: []});
  }
  return list;
}

// mostPictures is the number of targets on a sheet.
const mostPictures = 24;

// pictureSheet returns the pictures of the paths to some targets, one below the other.
function pictureSheet(d, targets, width) {
  const pictures = targets.slice(0, mostPictures).map(t => pathPicture(d, t.traces, width));
  if (pictures.length === 1) return pictures[0];
  const size = (p, side) => Number(p.getAttribute(side)), wide = Math.max(...pictures.map(p => size(p, 'width')));
  const sheet = svg('svg', {xmlns: 'http://www.w3.org/2000/svg', role: 'img', 'font-family': 'system-ui, sans-serif', 'aria-label': `Paths to ${pictures.length} targets`});
  const ground = svg('rect', {width: wide, fill: css('--card')});
  sheet.append(ground);
  let y = 8;
  pictures.forEach((p, i) => {
    sheet.append(svg('text', {x: 16, y: y + 18, 'font-size': 15, 'font-weight': 600, fill: css('--text')}, 'To ' + address(d, targets[i].addr)));
    p.setAttribute('y', y + 26);
    sheet.append(p);
    y += 34 + size(p, 'height');
  });
  for (const [name, value] of Object.entries({width: wide, height: y, viewBox: `0 0 ${wide} ${y}`})) sheet.setAttribute(name, value);
  ground.setAttribute('height', y);
  return sheet;
}

// linesOf returns the traces that a picture has: of a comparison, as many of both scans.
function linesOf(d, traces) {
  if (!d.comparison) return traces.slice(0, mostLines);
  return [0, 1].flatMap(k => traces.filter(t => d.col.file[t] === k).slice(0, mostLines / 2));
}

// lanesOf gives each station its lane. Of a comparison, stations of the new scan alone are beside the
// others, so that the two lines do not cross.
function lanesOf(d, rows, traces) {
  const isNew = s => d.comparison && shareText(d, s, traces) === 'new';
  for (const row of rows) {
    row.stations.sort((a, b) => isNew(a) - isNew(b));
    row.stations.forEach((s, k) => { s.lane = isNew(s) ? Math.max(1, k) : k; });
  }
  return rows;
}

// shareText returns which of the traces pass a station, '' if all do.
function shareText(d, s, traces) {
  if (d.comparison) {
    const sides = new Set([...s.traces].map(t => d.col.file[t]));
    if (new Set(traces.map(t => d.col.file[t])).size > 1 && sides.size === 1) return sides.has(0) ? 'old' : 'new';
  }
  return traces.length > 1 && s.traces.size < traces.length && !d.comparison ? `${s.traces.size} of ${traces.length}` : '';
}

// rttText returns the lowest round-trip time at a station; of a comparison, those of both scans.
function rttText(d, s) {
  if (Number.isNaN(s.rtt)) return '–';
  const [old, now] = s.rtts;
  return (Number.isNaN(old) || Number.isNaN(now) ? milliseconds(s.rtt) : `${milliseconds(old)} → ${milliseconds(now)}`) + ' ms';
}

// pathPicture returns the picture of the traces to a target.
function pathPicture(d, all, width) {
  const traces = linesOf(d, all), rows = lanesOf(d, stationsOf(d, traces), traces), wide = width >= 640;
  const most = Math.max(1, ...rows.flatMap(r => r.stations.map(s => s.lane + 1))), lane = most > 6 ? (wide ? 14 : 9) : wide ? 24 : 18, left = 44, step = 26;
  const labels = left + 26 + lane * (most - 1), longest = Math.max(1e-9, ...rows.flatMap(r => r.stations.map(s => s.rtt || 0)));
  const bars = wide ? 120 : 0, room = d.comparison ? 110 : 70, letters = Math.max(...rows.flatMap(r => r.stations.map(s => address(d, s.addr).length)), 12);
  width = Math.max(width, Math.ceil(labels + letters * 7.7 + (traces.length > 1 ? 70 : 8) + room + bars)); // a narrow box scrolls
  const right = width - 8;
  const text = css('--text'), quiet = css('--quiet'), card = css('--card');
  let y = 46;
  const at = new Map(), parts = svg('g', null), words = svg('g', {'font-size': 13});
  const source = svg('text', {x: labels, y: 24, fill: quiet, 'font-size': 13}, 'from ' + address(d, d.col.src[traces[0]]));
  words.append(source);
  let asn = null;
  for (const row of rows) {
    const label = row.last > row.ttl ? `${row.ttl}–${row.last}` : String(row.ttl);
    words.append(svg('text', {x: left - 16, y: y + 5, fill: quiet, 'text-anchor': 'end', 'font-size': 12}, label));
    if (!row.stations.length) {
      words.append(svg('text', {x: labels, y: y + 4, fill: quiet}, row.last > row.ttl ? 'silent' : '*'));
      y += step;
      continue;
    }
    row.stations.forEach((s, k) => {
      const target = s.addr === d.col.dst[traces[0]], x = left + lane * s.lane;
      s.traces.forEach(t => { if (!at.has(t)) at.set(t, []); at.get(t).push({x, y, ttl: row.ttl}); });
      const about = aboutOf(d, s.addr), mark = target ? '--good' : about && about.ixp ? '--ixp' : d.limitedAt.has(s.addr) ? '--warn' : d.diamondAt.has(s.addr) ? '--diamond' : d.col['hop.stack'][s.hop] ? '--mpls' : null;
      parts.append(svg('circle', {cx: x, cy: y, r: target ? 8 : 6, fill: mark ? css(mark) : card, stroke: text, 'stroke-width': 2}));
      const now = asOf(about), full = about && (about.ixp || about.as_name) || '';
      if (now && now !== asn && k === 0) {
        parts.append(svg('line', {x1: labels, x2: right, y1: y - 13, y2: y - 13, stroke: css('--line')}));
        if (wide) words.append(svg('text', {x: right - bars - room, y: y + 4, fill: quiet, 'text-anchor': 'end', 'font-size': 12}, (now + ' ' + full).slice(0, 34).trim()));
        asn = now;
      }
      const known = nameOf(d, s.addr), free = wide ? Math.floor((right - bars - room - 210 - labels) / 7.4) : 0;
      const line = svg('text', {x: labels, y: y + 4, fill: text, 'font-weight': target ? 600 : 400, 'font-family': 'ui-monospace, monospace', 'font-size': 12.5}, address(d, s.addr));
      if (known && wide && free > 8) line.append(svg('tspan', {fill: quiet, dx: 8, 'font-family': 'system-ui, sans-serif'}, known.length > free ? known.slice(0, free - 1) + '…' : known));
      const share = shareText(d, s, traces);
      if (share) line.append(svg('tspan', {fill: share === 'old' ? css('--old') : share === 'new' ? css('--new') : quiet, dx: 8, 'font-family': 'system-ui, sans-serif', 'font-size': 11}, share));
      line.append(svg('title', null, [address(d, s.addr), known, now, full, d.col['hop.stack'][s.hop] ? 'MPLS ' + d.stacks[d.col['hop.stack'][s.hop] - 1] : '', d.kinds[d.col['hop.kind'][s.hop]]].filter(Boolean).join('\n')));
      words.append(line, svg('text', {x: right - bars, y: y + 4, fill: text, 'text-anchor': 'end', 'font-size': 12.5}, rttText(d, s)));
      if (wide && s.rtt > 0) parts.append(svg('rect', {x: right - bars + 10, y: y - 4, width: Math.max(1, (bars - 12) * s.rtt / longest).toFixed(1), height: 8, rx: 2, fill: css('--accent-soft')}));
      y += step;
    });
  }
  const height = y + 8, strands = svg('g', {fill: 'none', 'stroke-linejoin': 'round'});
  traces.forEach((t, i) => {
    const stops = [{x: left, y: 20, ttl: 0}, ...(at.get(t) || []).filter((s, k, list) => k === 0 || s.ttl !== list[k - 1].ttl)];
    const shift = traces.length > 1 ? (i - (traces.length - 1) / 2) * Math.min(3, 14 / traces.length) : 0;
    for (let k = 1; k < stops.length; k++) {
      const a = stops[k - 1], b = stops[k], mid = (a.y + b.y) / 2;
      strands.append(svg('path', {d: `M${a.x + shift} ${a.y}C${a.x + shift} ${mid} ${b.x + shift} ${mid} ${b.x + shift} ${b.y}`, stroke: css(d.comparison ? ['--old', '--new'][d.col.file[t]] : lines[i % lines.length]), 'stroke-width': traces.length > 1 ? 2.5 : 5, 'stroke-dasharray': b.ttl > a.ttl + 1 ? '4 5' : null}));
    }
  });
  parts.prepend(svg('rect', {x: left - 7, y: 13, width: 14, height: 14, rx: 3, fill: css('--accent'), stroke: text, 'stroke-width': 2}));
  const picture = svg('svg', {xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'font-family': 'system-ui, sans-serif',
    'aria-label': `Path to ${address(d, d.col.dst[traces[0]])}: ${traces.length} flows. The table below has the hops.`},
  svg('rect', {width, height, fill: card}), strands, parts, words);
  return picture;
}
