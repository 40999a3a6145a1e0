// The topology: a drawing of a level, laid out by masstrace, and a table of its groups.

const topology = {level: null, sigma: null, hovered: null};

// marks of an address or group, strongest first: colour and words.
const marks = {
  root: ['--accent', 'vantage point'], ixp: ['--ixp', 'exchange'], limited: ['--warn', 'limits its answers'],
  diamond: ['--diamond', 'load balancer'], mpls: ['--mpls', 'MPLS'], plain: ['--node', 'router'],
};
// marks of a comparison: in one scan alone, on a changed path.
const changeMarks = {root: marks.root, gone: ['--old', 'old scan alone'], fresh: ['--new', 'new scan alone'], plain: ['--node', 'both scans']};
const marksFor = d => d.comparison ? changeMarks : marks;

// changeOf returns the mark of what the sides are: 1 old, 2 new, 4 on a changed path.
const changeOf = sides => ({5: 'gone', 6: 'fresh'})[sides] || 'plain';

// marksOf returns the mark of each node of a level.
function marksOf(d, level, counts) {
  if (d.comparison) return Array.from(level.node, (_, p) => d.col[level.name + '.root'][p] ? 'root' : changeOf(counts.nodeSides[p]));
  const list = Array.from(level.node, () => 'plain'), rank = Object.keys(marks);
  const mark = (a, m) => {
    const p = level.place.get(groupOf(level, a));
    if (p !== undefined && rank.indexOf(m) < rank.indexOf(list[p])) list[p] = m;
  };
  if (level.name === 'router') {
    const addr = d.col['hop.addr'], stack = d.col['hop.stack'];
    for (let h = 0; h < d.m; h++) if (stack[h]) mark(addr[h], 'mpls');
    d.diamondAt.forEach((_, a) => mark(a, 'diamond'));
    d.limitedAt.forEach((_, a) => mark(a, 'limited'));
  }
  for (let a = 0; a < d.addresses; a++) { const about = aboutOf(d, a); if (about && about.ixp && level.name !== 'prefix') mark(a, 'ixp'); }
  d.col[level.name + '.root'].forEach((root, p) => { if (root) list[p] = 'root'; });
  return list;
}

// countLevel counts the chosen traces through each node and over each edge.
function countLevel(d, level) {
  const addr = d.col['hop.addr'], {src, dst} = d.col, routers = !level.of;
  const from = d.col[level.name + '.from'], to = d.col[level.name + '.to'];
  const places = new Int32Array(d.addresses);
  for (let a = 0; a < d.addresses; a++) { const p = level.place.get(groupOf(level, a)); places[a] = p === undefined ? -1 : p; }
  const edges = new Map();
  for (let e = 0; e < from.length; e++) edges.set(from[e] * 65536 + to[e], e);
  const nodeSides = new Uint8Array(level.node.length), linkSides = new Uint8Array(from.length), sideOf = d.comparison ? t => (d.col.file[t] ? 2 : 1) | (d.comparison.kinds[d.col.kind[t]] === 'changed' ? 4 : 0) : () => 0;
  const nodes = new Uint32Array(level.node.length), links = new Uint32Array(from.length), seen = new Int32Array(nodes.length).fill(-1);
  for (const t of selection.traces) {
    const side = sideOf(t);
    let last = places[src[t]];
    if (last >= 0) { nodes[last]++; seen[last] = t; }
    for (let h = d.first[t], end = d.first[t + 1]; h < end; h++) {
      if (routers && addr[h] === dst[t]) continue;
      const p = places[addr[h]];
      if (p < 0 || p === last) continue;
      if (seen[p] !== t) { seen[p] = t; nodes[p]++; nodeSides[p] |= side; }
      if (last >= 0) { const e = edges.get(last * 65536 + p); if (e !== undefined) { links[e]++; linkSides[e] |= side; } }
      last = p;
    }
  }
  return {nodes, links, nodeSides, linkSides};
}

function showTopology(d, apply) {
  const box = $('topology').querySelector('.content');
  const known = d.annotations.some(a => a.ixp || (a.asn || []).length);
  if (!topology.level) topology.level = known ? 'as' : 'router';
  const level = d.levels.find(l => l.name === topology.level);
  const words = {as: 'By AS', prefix: 'By prefix', router: 'By router'};
  const tabs = el('div', {role: 'tablist', 'aria-label': 'Level of the topology', class: 'tabs', onkeydown: moveTab},
    d.levels.map(l => el('button', {type: 'button', role: 'tab', id: 'tab-' + l.name, 'aria-controls': 'graph-panel', 'aria-selected': String(l === level),
      tabindex: l === level ? '0' : '-1', disabled: l.name === 'as' && !known, title: l.name === 'as' && !known ? 'The results have no AS numbers. masstrace annotate adds them.' : null,
      onclick: () => { topology.level = l.name; showTopology(d, apply); $('tab-' + l.name).focus(); }}, words[l.name])));
  const counts = countLevel(d, level), mark = marksOf(d, level, counts), marks = marksFor(d);
  const order = Array.from(level.node.keys()).filter(i => counts.nodes[i]).sort((a, b) => counts.nodes[b] - counts.nodes[a] || a - b);
  const view = {d, level, counts, mark, order, apply};
  topology.view = view;
  if (topology.sigma) { topology.sigma.kill(); topology.sigma = null; }
  const canvas = el('div', {id: 'graph', class: 'graph', tabindex: '0', role: 'img',
    'aria-label': `Topology ${words[level.name].toLowerCase()}: ${order.length} nodes around the vantage points. The table has the nodes. Keys: plus, minus, arrows, 0.`});
  const zoom = el('div', {class: 'zoom'}, [['+', 'Zoom in', c => c.animatedZoom(1.6)], ['−', 'Zoom out', c => c.animatedUnzoom(1.6)], ['⟲', 'Show all', c => c.animatedReset()]]
    .map(([sign, label, act]) => el('button', {type: 'button', 'aria-label': label, title: label, onclick: () => topology.sigma && act(topology.sigma.getCamera())}, sign)));
  const used = [...new Set(mark), ...new Set(Array.from(counts.linkSides, changeOf))];
  const legend = el('p', {class: 'legend'}, Object.keys(marks).filter(m => used.includes(m)).map(m => el('span', null, el('i', {class: 'key round', style: `background:var(${marks[m][0]})`}), m === 'plain' && level.name !== 'router' && !d.comparison ? {as: 'AS', prefix: 'prefix'}[level.name] : marks[m][1])));
  const note = el('p', {class: 'quiet'}, `The distance from the middle grows with the mean TTL; the size is the number of traces.` + (level.total > level.node.length ? ` The drawing has the ${count(level.node.length)} busiest of ${count(level.total)}.` : ''));
  const list = table(`${words[level.name]}: busiest`, [
    {title: {as: 'AS', prefix: 'Prefix', router: 'Router'}[level.name], cell: i => el('span', null, el('i', {class: 'key round', style: `background:var(${marks[mark[i]][0]})`, title: marks[mark[i]][1]}), name(groupName(d, level, level.node[i])))},
    {title: 'Traces', number: true, cell: i => count(counts.nodes[i])},
  ], order.slice(0, 40), i => apply(atGroup(d, level, level.node[i])));
  box.replaceChildren(tabs, el('div', {id: 'graph-panel', role: 'tabpanel', 'aria-labelledby': 'tab-' + level.name, class: 'graph-panel'},
    el('div', {class: 'graph-box'}, canvas, zoom, legend, note, el('div', {class: 'buttons'},
      el('button', {type: 'button', onclick: () => saveText(`topology-${level.name}.svg`, 'image/svg+xml', graphPicture(view).outerHTML)}, 'Save as SVG'),
      el('button', {type: 'button', onclick: () => savePicture(`topology-${level.name}.png`, graphPicture(view))}, 'Save as PNG'))),
    list));
  draw(view, canvas);
}

// moveTab moves between tabs by arrow keys.
function moveTab(event) {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.querySelectorAll('button:not([disabled])')];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.click();
  event.preventDefault();
}

// nodeSize is the radius of a node.
const nodeSize = (n, most) => 2.5 + 8 * Math.sqrt(n / Math.max(most, 1));

// draw draws the graph with sigma, or as a picture if the browser has no WebGL.
function draw(view, canvas) {
  const {d, level, counts, mark, order, apply} = view;
  const x = d.col[level.name + '.x'], y = d.col[level.name + '.y'], from = d.col[level.name + '.from'], to = d.col[level.name + '.to'], kind = d.col[level.name + '.kind'];
  const marks = marksFor(d);
  if (!hasWebGL()) { canvas.append(graphPicture(view)); return; }
  const most = order.length ? counts.nodes[order[0]] : 1, g = new graphology({type: 'directed', multi: false});
  for (const i of order) {
    g.addNode(String(i), {x: x[i], y: -y[i], size: nodeSize(counts.nodes[i], most), color: css(marks[mark[i]][0]), label: clean(groupName(d, level, level.node[i])), zIndex: mark[i] === 'plain' ? 0 : 1, forceLabel: order.length <= 40});
  }
  const line = css('--edge'), soft = css('--edge-soft');
  for (const tree of [0, 2]) { // the links to the parents are above the others
    for (let e = 0; e < from.length; e++) {
      if (counts.links[e] && (kind[e] & 2) === tree && g.hasNode(String(from[e])) && g.hasNode(String(to[e]))) {
        g.addEdge(String(from[e]), String(to[e]), {size: 0.5 + 2.5 * Math.sqrt(counts.links[e] / most), color: edgeColor(view, e, tree ? line : soft)});
      }
    }
  }
  const s = new Sigma(g, canvas, {
    labelColor: {color: css('--text')}, labelFont: 'system-ui, sans-serif', labelSize: 12, labelDensity: 0.4, labelGridCellSize: 140, labelRenderedSizeThreshold: 6,
    defaultEdgeType: 'line', zIndex: true, allowInvalidContainer: true, minCameraRatio: 0.02, maxCameraRatio: 3, stagePadding: 24,
    defaultDrawNodeHover: drawHover,
    nodeReducer: (key, data) => topology.hovered && topology.hovered !== key && !g.areNeighbors(key, topology.hovered) ? {...data, color: css('--faded'), label: ''} : data,
    edgeReducer: (key, data) => topology.hovered && !g.hasExtremity(key, topology.hovered) ? {...data, hidden: true} : data,
  });
  topology.hovered = null;
  s.on('enterNode', e => { topology.hovered = e.node; s.refresh({skipIndexation: true}); });
  s.on('leaveNode', () => { topology.hovered = null; s.refresh({skipIndexation: true}); });
  s.on('clickNode', e => apply(atGroup(d, level, level.node[Number(e.node)])));
  canvas.addEventListener('keydown', event => {
    const c = s.getCamera(), state = c.getState(), step = 0.1 * state.ratio;
    const moves = {'+': () => c.animatedZoom(1.4), '-': () => c.animatedUnzoom(1.4), '0': () => c.animatedReset(), ArrowLeft: () => c.setState({x: state.x - step}), ArrowRight: () => c.setState({x: state.x + step}), ArrowUp: () => c.setState({y: state.y + step}), ArrowDown: () => c.setState({y: state.y - step})};
    if (moves[event.key]) { moves[event.key](); event.preventDefault(); }
  });
  topology.sigma = s;
}

// drawHover draws the label of the node below the pointer on a box in the colours of the page.
function drawHover(context, data, settings) {
  context.font = `600 ${settings.labelSize}px ${settings.labelFont}`;
  const width = context.measureText(data.label || '').width + 14, left = data.x + data.size + 3;
  context.fillStyle = css('--card');
  context.strokeStyle = css('--line');
  context.beginPath();
  context.roundRect(left, data.y - 11, width, 22, 4);
  context.fill();
  context.stroke();
  context.fillStyle = css('--text');
  context.fillText(data.label || '', left + 7, data.y + 4);
}

// edgeColor returns the colour of a link: that of its change, if it has one.
function edgeColor({d, counts}, e, color) {
  const change = d.comparison ? changeOf(counts.linkSides[e]) : 'plain';
  return change === 'plain' ? color : css(changeMarks[change][0]);
}

function hasWebGL() {
  try { return !!document.createElement('canvas').getContext('webgl2'); } catch { return false; }
}

// graphPicture returns the drawing as SVG: to save, to print, and for browsers without WebGL.
function graphPicture(view) {
  const {d, level, counts, mark, order} = view, marks = marksFor(d);
  const x = d.col[level.name + '.x'], y = d.col[level.name + '.y'], from = d.col[level.name + '.from'], to = d.col[level.name + '.to'], kind = d.col[level.name + '.kind'];
  const size = 1000, most = order.length ? counts.nodes[order[0]] : 1;
  let reach = 1;
  for (const i of order) reach = Math.max(reach, Math.abs(x[i]), Math.abs(y[i]));
  const px = v => (size / 2 + v / reach * (size / 2 - 90)).toFixed(1);
  const picture = svg('svg', {xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: 'img', 'aria-label': 'Topology', 'font-family': 'system-ui, sans-serif'});
  picture.append(svg('rect', {width: size, height: size, fill: css('--card')}));
  for (let ttl = 5; ttl < level.rings.length; ttl += 5) {
    const r = level.rings[ttl] / reach * (size / 2 - 90);
    picture.append(svg('circle', {cx: size / 2, cy: size / 2, r: r.toFixed(1), fill: 'none', stroke: css('--line'), 'stroke-dasharray': '2 4'}),
      svg('text', {x: size / 2 + 3, y: (size / 2 - r - 3).toFixed(1), 'font-size': 10, fill: css('--quiet')}, 'TTL ' + ttl));
  }
  const soft = svg('g', {stroke: css('--edge-soft')}), strong = svg('g', {stroke: css('--edge')}), bright = svg('g', null);
  for (let e = 0; e < from.length; e++) {
    const change = d.comparison && counts.links[e] ? changeOf(counts.linkSides[e]) : 'plain';
    if (counts.links[e]) (change !== 'plain' ? bright : kind[e] & 2 ? strong : soft).append(svg('line', {stroke: change === 'plain' ? null : css(changeMarks[change][0]), x1: px(x[from[e]]), y1: px(y[from[e]]), x2: px(x[to[e]]), y2: px(y[to[e]]), 'stroke-width': (0.4 + 2.5 * Math.sqrt(counts.links[e] / most)).toFixed(2)}));
  }
  const dots = svg('g', null), labels = svg('g', {'font-size': 12, fill: css('--text')});
  order.slice().reverse().forEach(i => dots.append(svg('circle', {cx: px(x[i]), cy: px(y[i]), r: nodeSize(counts.nodes[i], most).toFixed(1), fill: css(marks[mark[i]][0]), stroke: css('--card')}, svg('title', null, groupName(d, level, level.node[i]) + ': ' + count(counts.nodes[i]) + ' traces'))));
  order.slice(0, 24).forEach(i => labels.append(svg('text', {x: Number(px(x[i])) + nodeSize(counts.nodes[i], most) + 3, y: Number(px(y[i])) + 4}, groupName(d, level, level.node[i]).slice(0, 32))));
  picture.append(soft, strong, bright, dots, labels);
  return picture;
}
