// Makes elements. Text from the network becomes text nodes and nothing else.

const $ = id => document.getElementById(id);

// clean returns a text with visible marks for characters that could change how others look.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const clean = s => String(s).replace(unsafe, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

// el makes an element. attributes with the value null or false are left out; on* are listeners.
function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// svg is el for SVG.
function svg(tag, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(e, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === false || value === undefined) continue;
    if (typeof value === 'function') e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : clean(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    e.append(child instanceof Node ? child : document.createTextNode(clean(child)));
  }
  return e;
}

// name makes an element for a name, whatever the direction of its script.
const name = text => el('bdi', null, text);

const whole = new Intl.NumberFormat('en-US');
const count = n => whole.format(n);
const percent = (n, all) => all ? (100 * n / all).toFixed(n === all ? 0 : 1) + ' %' : '–';
const milliseconds = x => Number.isNaN(x) ? '–' : x < 10 ? x.toFixed(2) : x < 100 ? x.toFixed(1) : x.toFixed(0);
const byteUnits = n => n < 1e6 ? (n / 1e3).toFixed(0) + ' kB' : (n / 1e6).toFixed(1) + ' MB';

// duration returns some seconds for people.
function duration(s) {
  if (s < 90) return s.toFixed(s < 10 ? 1 : 0) + ' s';
  if (s < 5400) return (s / 60).toFixed(0) + ' min';
  return (s / 3600).toFixed(1) + ' h';
}

const time = ms => new Date(ms).toISOString().replace('T', ' ').slice(0, 16) + ' UTC';

// table makes a table: columns are {title, number, cell}. Rows may be chosen with choose, by the
// first column.
function table(caption, columns, rows, choose) {
  const head = el('tr', null, columns.map(c => el(c.title ? 'th' : 'td', {scope: c.title ? 'col' : null, class: c.number ? 'number' : null}, c.title)));
  const body = rows.map(row => el('tr', null, columns.map((c, i) => {
    let value = c.cell(row);
    if (i === 0 && choose) {
      value = el('button', {type: 'button', class: 'pick', onclick: () => choose(row)}, value);
    }
    return el('td', {class: c.number ? 'number' : null}, value);
  })));
  return el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption},
    el('table', null, el('caption', null, caption), el('thead', null, head), el('tbody', null, body)));
}

// bar makes a bar for a share of all; it is in the column beside its number, so it has no label.
const bar = (n, all, color) => el('span', {class: 'bar', 'aria-hidden': 'true'},
  el('span', {style: `width:${all ? (100 * n / all).toFixed(2) : 0}%;background:${color || 'var(--accent)'}`}));

// css returns the value of a custom property.
const css = property => getComputedStyle(document.documentElement).getPropertyValue(property).trim();
