// Starts the page, and renders it again after each change.

let report = null;

// apply adds a condition to the filter.
function apply(condition) {
  if (!selection.list.some(c => c.kind === condition.kind && c.key === condition.key)) selection.list.push(condition);
  render();
}

// The chapters of the two pages, in order.
const reportChapters = [showEnds, showDistributions, showTopology, showBusiest, showPlaces, showMiddleboxes, showPaths];
const comparisonChapters = [showKinds, showEvents, showTimes, showSets, showTopology, showPaths];

function render() {
  select(report);
  showFilter();
  const all = selection.traces.length;
  $('shown').textContent = all === report.n ? `All ${count(all)} traces` : `${count(all)} of ${count(report.n)} traces (${percent(all, report.n)})`;
  viewer.targets = targetsOf(report);
  if (report.comparison) viewer.targets = changedFirst(report, viewer.targets);
  viewer.shown = 60;
  for (const show of report.comparison ? comparisonChapters : reportChapters) show(report, apply);
}

function showFilter() {
  $('chips').replaceChildren(...selection.list.map(c => el('li', null, el('button', {type: 'button', class: 'chip', 'aria-label': `Remove filter ${c.kind} ${c.label}`, onclick: () => {
    selection.list.splice(selection.list.indexOf(c), 1);
    render();
    $('query').focus();
  }}, el('span', {class: 'quiet'}, c.kind), ' ', name(c.label), ' ×'))));
  $('clear').hidden = !selection.list.length && selection.file < 0 && selection.source < 0;
}

// choices fills a list of files or vantage points. It is hidden if there is one.
function choices(id, all, list, label) {
  const select = $(id), now = String(selection[id]);
  select.replaceChildren(el('option', {value: '-1'}, all), ...list.map(x => el('option', {value: x}, label(x))));
  select.hidden = list.length < 2;
  select.value = now;
}

// boot shows data.
function boot(buffer) {
  report = decode(buffer);
  selection.list.forEach(c => { c.set = null; });
  if (report.comparison) comparisonHeadline(report); else headline(report);
  choices('file', report.comparison ? 'Both scans' : 'All files', report.files.map((_, i) => i), i => report.comparison ? ['Old scan', 'New scan'][i] : report.files[i].file);
  choices('source', 'All vantage points', sourcesOf(report), s => address(report, s));
  $('loading').hidden = true;
  $('body').hidden = false;
  render();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

function fail(error) {
  $('loading').className = 'notice';
  $('loading').setAttribute('role', 'alert');
  $('loading').textContent = clean(error.message || error);
  document.documentElement.dataset.failed = 'true';
}

function listen() {
  $('chapters').replaceChildren(...[...document.querySelectorAll('[data-chapter]')].map(s => el('a', {href: '#' + s.id}, s.dataset.chapter)));
  $('search').addEventListener('submit', event => {
    event.preventDefault();
    const text = $('query').value;
    if (!text.trim()) return;
    try {
      apply(matching(report, text));
      $('query').value = '';
    } catch (error) {
      $('shown').textContent = error.message;
    }
  });
  for (const id of ['file', 'source']) $(id).addEventListener('change', event => { selection[id] = Number(event.target.value); render(); });
  $('clear').addEventListener('click', () => {
    Object.assign(selection, {list: [], file: -1, source: -1});
    $('file').value = $('source').value = '-1';
    render();
    $('query').focus();
  });
  document.addEventListener('keydown', event => {
    if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) { $('query').focus(); event.preventDefault(); }
  });
  let timer;
  addEventListener('resize', () => { clearTimeout(timer); timer = setTimeout(() => { resizeCharts(); if (report) showPaths(report); }, 150); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (report) render(); });
  let copy;
  addEventListener('beforeprint', () => { if (topology.view) $('graph').after(copy = el('div', {class: 'print-only'}, graphPicture(topology.view))); });
  addEventListener('afterprint', () => { if (copy) copy.remove(); });
}

// follow asks the server of the page for data again and again: see serve.go.
async function follow() {
  let tag = '';
  for (;;) {
    try {
      const answer = await fetch('data', {headers: tag ? {'If-None-Match': tag} : {}, cache: 'no-store'});
      if (answer.status === 200) {
        tag = answer.headers.get('ETag') || '';
        boot(await unpack(await answer.arrayBuffer()));
      } else if (answer.status !== 304 && !report) throw new Error(await answer.text());
    } catch (error) {
      if (!report) fail(error);
    }
    await new Promise(done => setTimeout(done, 3000));
  }
}

addEventListener('DOMContentLoaded', async () => {
  listen();
  const packed = $('data').textContent.trim();
  try {
    if (!packed) return follow();
    $('data').remove();
    boot(await unpack(fromBase64(packed)));
  } catch (error) {
    fail(error);
    console.error(error);
  }
});
