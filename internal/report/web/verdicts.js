// Verdicts: why a trace ends where it ends, and the faults on its way. See docs/verdicts.md.

// Words for verdicts, what they mean, and their colours.
const verdicts = {
  reached: ['reached', 'the target answered', '--good'],
  filtered: ['filtered', 'a firewall reports it, or another method passes', '--warn'],
  host_silent: ['host silent', 'the path is alive up to a router of the prefix of the target', '--silent'],
  unreachable: ['unreachable', 'a router reports it', '--warn2'],
  loop: ['loop', 'routers send the probes around', '--bad'],
  no_path: ['no path', 'silence begins at a router of other prefixes', '--accent2'],
  undecided: ['undecided', 'the answers are too few to decide', '--silent2'],
};
const conditionWords = {
  rate_limited: ['limited answers', 'a router limits the rate of its answers'],
  lossy: ['loss', 'packets are lost from a TTL on up to the target'],
  path_mtu: ['path MTU', 'a router reports that the probe is too large'],
  our_loss: ['our loss', 'this machine may have lost replies'],
};

const verdictOf = (d, t) => d.verdicts[d.col['verdict.is'][t]];
const verdictWord = v => (verdicts[v] || ['not judged'])[0];
const verdictColor = v => (verdicts[v] || ['', '', '--silent2'])[2];

// lastOf returns the trace of a target that has the final verdict: the one that began last.
const lastOf = (d, traces) => traces.reduce((a, b) => (d.col.start[b] >>> 0) >= (d.col.start[a] >>> 0) ? b : a);

// askedText returns a method with its port, 0 for none.
const askedText = (d, method, port) => d.methods[method] + (port ? ' to port ' + port : '');

// because returns the evidence of the verdict of a trace, in the words of masstrace show.
function because(d, t) {
  const c = name => d.col['verdict.' + name][t], addr = c('addr');
  const at = addr === 0xffffffff ? 'the last router' : `${address(d, addr)} at TTL ${c('ttl')}`;
  const silent = c('silent') === 1 ? '1 probe beyond is silent' : `${c('silent')} probes beyond are silent`;
  const kind = c('kind') === 255 ? '' : d.kinds[c('kind')] + ', ';
  switch (d.bases[c('basis')]) {
    case 'answer': return c('ttl') ? `it answers at TTL ${c('ttl')}` : 'it answers';
    case 'report': return `${at} reports ${kind}code ${c('code')}`;
    case 'repeat': return `${at} answers again up to TTL ${c('again')}`;
    case 'last_router': return `${at} is the last router before the target, ${silent}`;
    case 'own_router': return `${at} serves the prefix of the target alone, ${silent}`;
    case 'shared_router': return `${at} also serves other prefixes, ${silent}`;
    case 'no_router': return `no answer at all to ${c('silent')} probes`;
    case 'other_method': return `${askedText(d, c('passed'), c('passed_port'))} passes, ${c('asked') || c('asked_port') ? askedText(d, c('asked'), c('asked_port')) : 'the first method'} ends after ${at}`;
    case 'few_probes': return `only ${silent}`;
    case 'our_loss': return 'this machine may have lost the replies';
    case 'withheld': return `a reply beyond ${at} is not certain`;
    case 'stopped': return 'the trace was stopped';
    case 'last_ttl': return 'routers answer up to the last TTL';
    case 'unknown_router': return `nothing shows whether ${at} is near the target; ${silent}`;
  }
  return '';
}

// conditionsOf returns the faults on the way of a trace as sentences.
function conditionsOf(d, t) {
  const c = name => d.col['condition.' + name], of = c('trace'), list = [];
  let from = 0;
  for (let to = of.length; from < to;) { const mid = from + to >> 1; if (of[mid] < t) from = mid + 1; else to = mid; }
  for (let i = from; i < of.length && of[i] === t; i++) {
    const first = c('first')[i], last = c('last')[i], where = first === last ? `TTL ${first}` : `TTLs ${first} to ${last}`;
    const router = c('addr')[i] === 0xffffffff ? 'a router' : address(d, c('addr')[i]), silent = `${c('silent')[i]} of ${c('probes')[i]} probes silent`;
    const kind = d.conditions[c('is')[i]];
    list.push({kind, text: {
      rate_limited: `${router} at ${where} limits its answers, ${silent}`,
      lossy: `loss from TTL ${first} on up to the target, ${silent}`,
      path_mtu: c('mtu')[i] ? `${router} at ${where} passes ${c('mtu')[i]} bytes` : `the probe is too large for ${router} at ${where}`,
      our_loss: `this machine may have lost replies at ${where}, ${silent}`,
    }[kind]});
  }
  return list;
}

// verdictLines returns the verdict and the conditions of a target; of a comparison, those of both scans.
function verdictLines(d, traces) {
  const sides = d.comparison ? [0, 1].map(k => traces.filter(t => d.col.file[t] === k)) : [traces];
  return sides.flatMap((side, k) => {
    if (!side.length) return [];
    const t = lastOf(d, side), v = verdictOf(d, t), why = because(d, t), scan = d.comparison ? ['Old: ', 'New: '][k] : null;
    return [el('p', {class: 'verdict'}, scan, el('i', {class: 'key', style: `background:var(${verdictColor(v)})`}), el('strong', null, verdictWord(v)), why ? ': ' + why : ''),
      ...conditionsOf(d, t).map(c => el('p', {class: 'verdict'}, scan, el('strong', null, conditionWords[c.kind][0]), ': ' + c.text))];
  });
}

// showVerdicts returns the tables of verdicts and of conditions.
function showVerdicts(d, apply) {
  const sums = new Map(), faults = new Map(), all = selection.traces.length;
  for (const t of selection.traces) { const v = verdictOf(d, t); sums.set(v, (sums.get(v) || 0) + 1); }
  const of = d.col['condition.trace'], is = d.col['condition.is'], seen = new Map();
  for (let i = 0; i < of.length; i++) {
    if (!selection.mask[of[i]] || seen.get(is[i]) === of[i]) continue;
    seen.set(is[i], of[i]);
    faults.set(d.conditions[is[i]], (faults.get(d.conditions[is[i]]) || 0) + 1);
  }
  const rows = [...sums].map(([v, n]) => ({v, n, word: verdictWord(v), note: (verdicts[v] || ['', 'no verdict'])[1], color: `var(${verdictColor(v)})`})).sort((a, b) => b.n - a.n);
  const conditions = [...faults].sort((a, b) => b[1] - a[1]);
  return [sharesOf('Traces by verdict', 'Verdict', rows, all, r => apply(hasVerdict(r.v))),
    conditions.length ? table('Traces by the faults on their way', [
      {title: 'Condition', cell: r => conditionWords[r[0]][0]}, {title: 'Traces', number: true, cell: r => count(r[1])},
      {title: 'Share', number: true, cell: r => percent(r[1], all)}, {title: 'Meaning', cell: r => conditionWords[r[0]][1]},
    ], conditions, r => apply(hasCondition(r[0]))) : null];
}

// hasVerdict and hasCondition are conditions of the filter.
const hasVerdict = v => ({kind: 'verdict', key: v, label: verdictWord(v), make: d => where(d, t => verdictOf(d, t) === v)});
const hasCondition = kind => ({kind: 'condition', key: kind, label: conditionWords[kind][0], make: d => {
  const set = new Uint8Array(d.n), code = d.conditions.indexOf(kind);
  d.col['condition.is'].forEach((k, i) => { if (k === code) set[d.col['condition.trace'][i]] = 1; });
  return set;
}});

// sharesOf returns a bar of shares, and their table. Rows are {word, note, color, n}.
function sharesOf(caption, title, rows, all, choose, more = [], what = 'Traces') {
  return el('div', {class: 'shares'}, el('h3', null, caption),
    el('div', {class: 'stacked', 'aria-hidden': 'true'}, rows.map(r => el('span', {style: `flex-grow:${r.n};background:${r.color}`, title: `${r.word} ${percent(r.n, all)}`}))),
    table(caption, [
      {title, cell: r => el('span', null, el('i', {class: 'key', style: `background:${r.color}`}), r.word)},
      {title: what, number: true, cell: r => count(r.n)}, {title: 'Share', number: true, cell: r => percent(r.n, all)},
      {title: 'Meaning', cell: r => r.note}, ...more,
    ], rows, choose));
}
