// The distributions: lengths of paths, round-trip times and silence by TTL.

const charts = [], pending = [];

// quantiles returns some quantiles of values, which it sorts.
function quantiles(values, list) {
  if (!values.length) return list.map(() => null);
  values.sort();
  return list.map(q => values[Math.min(values.length - 1, Math.floor(q * values.length))]);
}

// distributions counts what the charts show.
function distributions(d) {
  const addr = d.col['hop.addr'], ttl = d.col['hop.ttl'], {dst, end, flags} = d.col;
  const lengths = new Uint32Array(64), dead = new Uint32Array(64), answered = new Uint32Array(64), silent = new Uint32Array(64), limited = new Uint32Array(64);
  const sizes = new Uint32Array(64);
  for (const t of selection.traces) {
    let top = 0;
    const from = d.first[t], to = d.first[t + 1];
    for (let h = from; h < to; h++) {
      const x = ttl[h];
      if (x > 63) continue;
      if (x !== top) answered[x]++;
      if (x > top) top = x;
      if (d.rtt[h] === d.rtt[h]) sizes[x]++;
    }
    for (let x = 1; x < top; x++) {
      if (silentAt(d, t, x)) { silent[x]++; if (wasLimited(d, t, x)) limited[x]++; }
    }
    if (flags[t] & flag.reached) lengths[Math.min(63, end[t] || top)]++; else dead[Math.min(63, top)]++;
  }
  const rtts = Array.from(sizes, n => new Float32Array(n)), at = new Uint32Array(64);
  for (const t of selection.traces) {
    for (let h = d.first[t], to = d.first[t + 1]; h < to; h++) {
      const x = ttl[h];
      if (x < 64 && d.rtt[h] === d.rtt[h]) rtts[x][at[x]++] = d.rtt[h];
    }
  }
  let last = 1;
  for (let x = 1; x < 64; x++) if (lengths[x] || dead[x] || answered[x]) last = x;
  const ttls = Array.from({length: last}, (_, i) => i + 1);
  const band = ttls.map(x => quantiles(rtts[x], [0.1, 0.5, 0.9]));
  const share = (n, x) => answered[x] + silent[x] ? 100 * n / (answered[x] + silent[x]) : null;
  return {ttls, lengths: ttls.map(x => lengths[x]), dead: ttls.map(x => dead[x]),
    p10: band.map(b => b[0]), p50: band.map(b => b[1]), p90: band.map(b => b[2]), n: ttls.map(x => sizes[x]),
    silent: ttls.map(x => share(silent[x] - limited[x], x)), limited: ttls.map(x => share(limited[x], x)), answered: ttls.map(x => answered[x])};
}

function showDistributions(d) {
  charts.splice(0).forEach(c => c.destroy());
  const s = distributions(d), box = $('distributions').querySelector('.content');
  box.replaceChildren();
  const integer = {title: 'TTL', cell: i => s.ttls[i], number: true};
  const rows = s.ttls.map((_, i) => i);
  const fixed = x => x === null || x === undefined ? '–' : milliseconds(x);
  addChart(box, 'Where paths end', 'hops to the target, or to the last router that answered', s.ttls, [
    {label: 'target reached', values: s.lengths, color: '--good', bars: true},
    {label: 'last answer', values: s.dead, color: '--silent', bars: true},
  ], x => count(x), table('Paths by length', [integer,
    {title: 'Target reached', number: true, cell: i => count(s.lengths[i])}, {title: 'Last answer', number: true, cell: i => count(s.dead[i])}], rows));
  addChart(box, 'Round-trip time', 'ms by TTL: median, and the middle 80 %', s.ttls, [
    {label: '10 %', values: s.p10, color: '--accent-soft'},
    {label: 'median', values: s.p50, color: '--accent', width: 2.5},
    {label: '90 %', values: s.p90, color: '--accent-soft', band: [2, 0]},
  ], fixed, table('Round-trip times by TTL, in ms', [integer,
    {title: '10 %', number: true, cell: i => fixed(s.p10[i])}, {title: 'Median', number: true, cell: i => fixed(s.p50[i])},
    {title: '90 %', number: true, cell: i => fixed(s.p90[i])}, {title: 'Replies', number: true, cell: i => count(s.n[i])}], rows));
  addChart(box, 'Silent routers', '% of traces with silence at a TTL and an answer beyond it', s.ttls, [
    {label: 'silent', values: s.silent, color: '--silent', bars: true},
    {label: 'limits its answers', values: s.limited, color: '--warn', bars: true},
  ], x => x === null ? '–' : x.toFixed(1) + ' %', table('Silence by TTL', [integer,
    {title: 'Silent', number: true, cell: i => s.silent[i] === null ? '–' : s.silent[i].toFixed(1) + ' %'},
    {title: 'Limited', number: true, cell: i => s.limited[i] === null ? '–' : s.limited[i].toFixed(1) + ' %'},
    {title: 'Answered', number: true, cell: i => count(s.answered[i])}], rows));
  pending.splice(0).forEach(draw => draw());
}

// addChart adds the box of a chart, with its table. Several series of bars are stacked.
function addChart(box, title, note, xs, series, format, rows) {
  const at = el('div', {class: 'plot'});
  const summary = `${title}: ${note}. The table below the chart has the numbers.`;
  const legend = el('p', {class: 'legend'}, series.filter(s => !s.band && s.label !== '10 %').map(s => el('span', null, el('i', {class: 'key', style: `background:var(${s.color})`}), s.label)));
  pending.push(() => plot(at, xs, series, format));
  box.append(el('figure', null, el('h3', null, title), el('p', {class: 'quiet'}, note), el('div', {role: 'img', 'aria-label': summary}, at), legend,
    el('details', null, el('summary', null, 'Table'), rows)));
}

// plot draws a chart in its box, once all boxes have their widths.
function plot(at, xs, series, format) {
  const stacked = series.every(s => s.bars);
  const data = [xs, ...series.map(s => s.values)];
  if (stacked) for (let i = xs.length - 1; i >= 0; i--) data[1][i] = (data[1][i] || 0) + (series[1].values[i] || 0); // the first series is behind
  const axis = {stroke: css('--quiet'), grid: {stroke: css('--line'), width: 1}, ticks: {show: false}, font: '12px system-ui, sans-serif'};
  const bars = uPlot.paths.bars({size: [0.8, 40], radius: 0.1});
  charts.push(new uPlot({
    width: Math.max(240, at.clientWidth), height: 220, legend: {show: false}, cursor: {drag: {x: false, y: false}, points: {show: !stacked}},
    scales: {x: {time: false, range: [0.4, xs.length + 0.6]}, y: {range: (u, min, max) => [0, Math.max(max || 1, 1e-6) * 1.08]}},
    axes: [{...axis, grid: {show: false}, size: 28, incrs: [1, 2, 5, 10], values: (u, v) => v.map(x => Number.isInteger(x) ? x : '')}, {...axis, size: 56, values: (u, v) => v.map(shortNumber)}],
    series: [{}, ...series.map(s => ({stroke: css(s.color), fill: s.bars ? css(s.color) : undefined, width: s.bars ? 0 : s.width || 1, paths: s.bars ? bars : undefined, points: {show: false}, spanGaps: true}))],
    bands: series.flatMap((s, i) => s.band ? [{series: [i + 1, 1], fill: css('--band')}] : []),
    hooks: {setCursor: [u => hover(u, at, xs, series, stacked, format)]},
  }, data, at));
}

const shortNumber = x => x >= 1e6 ? x / 1e6 + 'M' : x >= 1e4 ? x / 1e3 + 'k' : String(x);

// hover shows the numbers below the pointer.
function hover(u, at, xs, series, stacked, format) {
  let tip = at.querySelector('.tip');
  const i = u.cursor.idx;
  if (i === null || i === undefined) { if (tip) tip.remove(); return; }
  if (!tip) at.append(tip = el('div', {class: 'tip'}));
  const value = k => stacked && k === 0 ? (u.data[1][i] || 0) - (u.data[2][i] || 0) : u.data[k + 1][i];
  tip.replaceChildren(el('b', null, 'TTL ' + xs[i]), ...series.map((s, k) => el('span', null, `${s.label} ${format(value(k))}`)));
  tip.style.left = Math.min(u.cursor.left + 64, at.clientWidth - 150) + 'px';
}

// resizeCharts fits the charts to their boxes.
function resizeCharts() {
  for (const c of charts) {
    const width = c.root.parentNode.clientWidth;
    if (width > 0 && width !== c.width) c.setSize({width, height: 220});
  }
}
