// The headline, and the ends of traces.

// Words for stop reasons, and their colours.
const ends = {
  COMPLETED: ['reached', 'the target answered', '--good'],
  UNREACH: ['unreachable', 'a router reports the target as unreachable', '--warn'],
  GAPLIMIT: ['gap limit', 'too many silent TTLs in a row', '--silent'],
  HOPLIMIT: ['last TTL', 'silent up to the last TTL', '--silent2'],
  LOOP: ['loop', 'a loop of routers', '--bad'],
  GSS: ['stop set', 'met what earlier traces had shown', '--accent2'],
  HALTED: ['halted', 'stopped, or excluded during the run', '--warn2'],
  ICMP: ['ICMP', 'another ICMP message ended the trace', '--warn2'],
  ERROR: ['error', 'the probe could not be sent', '--bad'],
  NONE: ['no reason', 'the file has no reason', '--silent2'],
};

function headline(d) {
  const box = $('headline');
  box.replaceChildren();
  const first = d.files[0] || {};
  const run = first.run;
  const title = d.files.length > 1 ? `${d.files.length} files of results` : first.list && first.list !== 'default' ? first.list : first.file;
  $('title').textContent = clean(title || 'masstrace report');
  document.title = clean((title || 'results') + ' – masstrace report');
  const t = d.totals, facts = [];
  if (d.base) facts.push(time(d.base));
  const sources = sourcesOf(d).map(s => address(d, s)).filter(s => s !== '?');
  if (sources.length) facts.push('from ' + (first.host ? first.host + ' ' : '') + sources.slice(0, 4).join(', ') + (sources.length > 4 ? ` and ${sources.length - 4} more` : ''));
  if (run) facts.push([run.protocol && `${run.protocol.toUpperCase()} probes`, run.strategy && `strategy ${run.strategy}`, run.flows > 1 && `${run.flows} flows`, run.rate_pps && `${count(run.rate_pps)} probes per second at most`].filter(Boolean).join(', '));
  box.append(el('p', {class: 'facts'}, facts.map(f => el('span', null, f))));
  const sums = d.files.map(f => f.summary).filter(Boolean);
  const lost = sums.reduce((n, s) => n + (s.tx_errors || 0) + ((s.drops || {}).kernel || 0) + ((s.drops || {}).interface || 0), 0);
  const tile = (title, value, note, tone) => el('div', {class: 'tile' + (tone ? ' ' + tone : '')}, el('dt', null, title), el('dd', null, el('strong', null, value), note ? el('span', null, note) : null));
  const about = n => n >= 5000 ? '± 1 %' : '';
  box.append(el('dl', {class: 'tiles'},
    tile('Traces', count(t.traces), d.n < t.traces ? `${count(d.n)} in this page` : `${count(t.targets)} targets`),
    tile('Reached', percent(t.reached, t.traces), count(t.reached) + ' targets answered'),
    tile('Hops', count(t.hops), sums.length ? count(sums.reduce((n, s) => n + s.sent, 0)) + ' probes' : ''),
    tile('Interfaces', count(t.interfaces), about(t.interfaces)),
    tile('Links', count(t.links), about(t.links)),
    tile('Median path', t.median_path || '–', t.longest_path ? `hops; the longest has ${t.longest_path}` : ''),
    sums.length ? tile('Lost by us', count(lost), lost ? 'probes and replies' : 'no probe, no reply', lost ? 'alert' : '') : null));
  const notes = d.notes.map(n => 'Damaged: ' + n);
  if (d.n < t.traces) notes.push(`The page has the traces to ${count(t.targets)} targets, which a hash of the address chose. The numbers above are of all traces; everything below is of those in the page.`);
  if (t.traces > 0 && t.hops === 0) notes.push('No router answered any probe: the traces have no hop.');
  if (t.traces === 0) notes.push('The results have no trace.');
  d.files.forEach(f => { if (f.summary && f.summary.complete === false) notes.push(`${f.file}: the run ended early (${f.summary.reason}).`); });
  notes.forEach(n => box.append(el('p', {class: 'notice'}, n)));
  if (d.files.length) box.append(el('details', null, el('summary', null, 'Files and runs'), table('Files and runs', [
    {title: 'File', cell: f => name(f.file)},
    {title: 'Host', cell: f => name(f.host || '')},
    {title: 'Tool', cell: f => f.run ? f.run.tool : ''},
    {title: 'Command', cell: f => f.run ? el('code', null, name((f.run.argv || []).join(' '))) : ''},
    {title: 'Time', number: true, cell: f => f.summary ? duration(f.summary.elapsed_s) : ''},
    {title: 'Probes', number: true, cell: f => f.summary ? count(f.summary.sent) : ''},
  ], d.files)));
}

// sourcesOf returns the addresses of the vantage points.
function sourcesOf(d) {
  const set = new Set();
  for (let i = 0; i < d.n; i++) set.add(d.col.src[i]);
  return [...set].sort((a, b) => a - b);
}

function showEnds(d, apply) {
  const {stop, flags} = d.col, sums = new Map();
  for (const t of selection.traces) {
    const reason = d.stops[stop[t]];
    const key = reason === 'COMPLETED' || !(flags[t] & flag.reached) ? reason : reason + ' REACHED';
    sums.set(key, (sums.get(key) || 0) + 1);
  }
  const all = selection.traces.length;
  const rows = [...sums].map(([key, n]) => {
    const [reason, reached] = key.split(' ');
    const [word, note, color] = ends[reason] || [reason, '', '--silent'];
    return {reason, reached: !!reached, word: reached ? word + ', reached' : word, note: reached ? 'the target answered otherwise' : note, color: `var(${color})`, n};
  }).sort((a, b) => b.n - a.n);
  const [judged, faults] = showVerdicts(d, apply);
  const reasons = sharesOf('Traces by stop reason', 'End', rows, all, r => apply({kind: 'ends', key: r.reason + r.reached, label: r.word, make: d => {
    const code = d.stops.indexOf(r.reason);
    return where(d, t => d.col.stop[t] === code && (code === 1 || !!(d.col.flags[t] & flag.reached) === r.reached));
  }}), [{title: 'Reason', cell: r => el('code', null, r.reason)}]);
  $('ends').querySelector('.content').replaceChildren(el('div', {class: 'pair'}, judged, reasons), faults || '');
}
