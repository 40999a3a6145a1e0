// The path viewer: a list of targets, and the paths to the chosen one.

const viewer = {target: -1, shown: 60, marked: new Set()};

// targetsOf returns the chosen traces by target: [{addr, traces}].
function targetsOf(d) {
  const {dst} = d.col, list = [];
  for (const t of selection.traces) {
    const last = list[list.length - 1];
    if (last && last.addr === dst[t]) last.traces.push(t);
    else list.push({addr: dst[t], traces: [t]});
  }
  return list;
}

function showPaths(d) {
  const box = $('paths').querySelector('.content'), {targets} = viewer;
  if (!targets.length) {
    box.replaceChildren(el('p', {class: 'quiet'}, 'No trace passes the filter.'));
    return;
  }
  if (!targets.some(t => t.addr === viewer.target)) viewer.target = ((d.comparison && targets.find(t => d.changeAt.has(t.addr))) || targets.find(t => t.traces.some(x => d.col.flags[x] & flag.reached)) || targets[0]).addr;
  const list = el('ul', {class: 'targets', 'aria-label': 'Targets'}), chosen = el('div', {class: 'path', 'aria-live': 'polite'});
  const more = el('button', {type: 'button', onclick: () => { viewer.shown += 200; fillTargets(d, list, chosen, more); }}, 'More targets');
  box.replaceChildren(el('div', {class: 'viewer'}, el('div', {class: 'side'},
    el('form', {class: 'find', role: 'search', 'aria-label': 'Targets', onsubmit: e => { e.preventDefault(); findTarget(d, e.target.elements.target.value, list, chosen, more); }},
      el('label', {for: 'target'}, 'Find a target, address or AS'), el('input', {id: 'target', name: 'target', type: 'search', autocomplete: 'off', spellcheck: 'false'}), el('button', {type: 'submit'}, 'Find')),
    el('p', {id: 'found', class: 'quiet', role: 'status'}), list, more), chosen));
  fillTargets(d, list, chosen, more);
  showPath(d, chosen);
}

function fillTargets(d, list, chosen, more) {
  list.replaceChildren(...viewer.targets.slice(0, viewer.shown).map(target => {
    const v = verdictOf(d, lastOf(d, target.traces)), [word, , color] = d.comparison ? kinds[d.comparison.kinds[d.col.kind[target.traces[0]]]] : verdicts[v] || ['not judged', '', '--silent2'];
    return el('li', null, el('input', {type: 'checkbox', 'aria-label': 'Export ' + address(d, target.addr), checked: viewer.marked.has(target.addr), onchange: e => { e.target.checked ? viewer.marked.add(target.addr) : viewer.marked.delete(target.addr); }}),
      el('button', {type: 'button', class: 'pick', 'aria-current': target.addr === viewer.target ? 'true' : null, onclick: e => {
        viewer.target = target.addr;
        list.querySelectorAll('[aria-current]').forEach(b => b.removeAttribute('aria-current'));
        e.currentTarget.setAttribute('aria-current', 'true');
        showPath(d, chosen);
      }}, el('i', {class: 'key round', style: `background:var(${color})`, title: word}), el('code', null, address(d, target.addr)), el('small', null, target.traces.length > 1 && !d.comparison ? `${word}, ${target.traces.length} traces` : word)));
  }));
  more.hidden = viewer.targets.length <= viewer.shown;
}

// findTarget shows the first target that a text matches, or the first one whose path passes what it
// matches: an address, a prefix, an AS, a name or a country.
function findTarget(d, text, list, chosen, more) {
  const wanted = text.trim().toLowerCase(), prefix = parsePrefix(wanted);
  if (!wanted) return;
  let found = viewer.targets.find(t => prefix ? inPrefix(d, t.addr, prefix) : address(d, t.addr).startsWith(wanted) || nameOf(d, t.addr).toLowerCase().includes(wanted) || asOf(aboutOf(d, t.addr)).toLowerCase() === wanted);
  $('found').textContent = '';
  if (!found) {
    try {
      const set = matching(d, text).make(d), passing = viewer.targets.filter(t => t.traces.some(x => set[x]));
      found = passing[0];
      $('found').textContent = found ? `${count(passing.length)} paths pass it; this is the first.` : 'No path that passes the filter has it.';
    } catch (error) {
      $('found').textContent = error.message;
    }
  }
  if (!found) return;
  viewer.target = found.addr;
  const i = viewer.targets.indexOf(found);
  if (i >= viewer.shown) viewer.targets.splice(0, 0, ...viewer.targets.splice(i, 1));
  fillTargets(d, list, chosen, more);
  showPath(d, chosen);
}

// showPath shows the paths to the chosen target.
function showPath(d, chosen) {
  const target = viewer.targets.find(t => t.addr === viewer.target), {traces} = target;
  const t = lastOf(d, traces), [word, note] = ends[d.stops[d.col.stop[t]]] || ['', ''];
  const about = aboutOf(d, target.addr);
  const facts = [`${d.stops[d.col.stop[t]]}: ${note || word}`, `${d.methods[d.col.method[t]] || 'unknown'} probes`, d.col.start[t] !== 0xffffffff ? time(d.base + d.col.start[t]) : '', about ? [asOf(about), about.as_name, about.country].filter(Boolean).join(' ') : ''];
  const width = Math.max(320, Math.min(900, chosen.clientWidth - 2 || 320)), picture = () => pathPicture(d, traces, width);
  const record = el('pre', {class: 'record', hidden: true, tabindex: '0', 'aria-label': 'Records'});
  const rows = linesOf(d, traces).flatMap(t => hopsOf(d, t));
  const these = () => viewer.marked.size ? viewer.targets.filter(x => viewer.marked.has(x.addr)) : [target], some = () => these().flatMap(x => x.traces);
  const title = 'The marked targets, or this one', sheet = () => pictureSheet(d, these(), width);
  chosen.replaceChildren(...[el('h3', null, 'To ', el('code', null, address(d, target.addr)), nameOf(d, target.addr) ? el('small', null, ' ', name(nameOf(d, target.addr))) : null),
    el('p', {class: 'facts'}, facts.filter(Boolean).map(f => el('span', null, f)), traces.length > mostLines ? el('span', null, `${mostLines} of ${traces.length} traces`) : null),
    verdictLines(d, traces),
    el('div', {class: 'scroll subway', tabindex: '0', role: 'region', 'aria-label': 'Picture of the path'}, picture()),
    el('div', {class: 'buttons'},
      el('button', {type: 'button', 'aria-expanded': 'false', onclick: e => { record.hidden = !record.hidden; e.currentTarget.setAttribute('aria-expanded', String(!record.hidden)); if (!record.hidden) record.textContent = linesOf(d, traces).map(t => JSON.stringify(recordOf(d, t), null, 1)).join('\n'); }}, 'Record'),
      el('button', {type: 'button', title, onclick: () => saveText('traces.csv', 'text/csv', csvOf(d, some()))}, 'CSV'),
      el('button', {type: 'button', title, onclick: () => saveText('traces.ndjson', 'application/x-ndjson', some().map(t => JSON.stringify(recordOf(d, t)) + '\n').join(''))}, 'NDJSON'),
      el('button', {type: 'button', title, onclick: () => saveText('paths.svg', 'image/svg+xml', sheet().outerHTML)}, 'SVG'),
      el('button', {type: 'button', title, onclick: () => savePicture('paths.png', sheet())}, 'PNG')),
    record,
    el('details', null, el('summary', null, 'Table'), table('Hops', [
      {title: 'TTL', number: true, cell: h => h.ttl}, ...(d.comparison ? [{title: 'Scan', cell: h => ['old', 'new'][h.file]}] : []), ...(traces.length > 1 ? [{title: 'Flow', number: true, cell: h => h.flow}] : []),
      {title: 'Address', cell: h => addressCell(d, h.addr)}, {title: 'Network', cell: h => networkCell(d, h.addr)},
      {title: 'RTT, ms', number: true, cell: h => milliseconds(h.rtt)}, {title: 'Reply', cell: h => h.kind}, {title: 'MPLS', cell: h => h.stack}, {title: 'Rewritten', cell: h => h.mangled.join(', ')},
    ], rows))].flat());
}
