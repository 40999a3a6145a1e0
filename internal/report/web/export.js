// Records, CSV and pictures to save.

// hopsOf returns the hops of a trace as objects.
function hopsOf(d, t) {
  const c = d.col, list = [];
  for (let h = d.first[t]; h < d.first[t + 1]; h++) {
    list.push({target: c.dst[t], file: c.file[t], flow: c.flow[t], ttl: c['hop.ttl'][h], attempt: c['hop.attempt'][h], addr: c['hop.addr'][h], rtt: d.rtt[h], kind: d.kinds[c['hop.kind'][h]],
      replyTTL: c['hop.reply_ttl'][h], stack: c['hop.stack'][h] ? d.stacks[c['hop.stack'][h] - 1] : '', mangled: d.mangled.filter((_, k) => c['hop.mangled'][h] >> k & 1)});
  }
  return list;
}

// recordOf returns a trace as an object with the names of a trace record.
function recordOf(d, t) {
  const c = d.col, r = {type: 'trace', version: '0.1', method: {udp: 'udp-paris', icmp: 'icmp-paris', 'tcp-syn': 'tcp', 'tcp-ack': 'tcp-ack'}[d.methods[c.method[t]]] || 'unknown', src: address(d, c.src[t]), dst: address(d, c.dst[t]), flow: c.flow[t], stop_reason: d.stops[c.stop[t]], stop_data: c.data[t]};
  if (c.start[t] !== 0xffffffff) {
    const ms = d.base + c.start[t];
    r.start = {sec: Math.floor(ms / 1000), usec: ms % 1000 * 1000, ftime: new Date(ms).toISOString().replace('T', ' ').slice(0, 19)};
  }
  Object.assign(r, {hop_count: c.end[t], attempts: 1, firsthop: 1, probe_count: c.probes[t]});
  r.hops = hopsOf(d, t).map(h => {
    const hop = {addr: address(d, h.addr), probe_ttl: h.ttl, probe_id: h.attempt + 1};
    if (!Number.isNaN(h.rtt)) hop.rtt = Number(h.rtt.toFixed(3));
    if (h.replyTTL) hop.reply_ttl = h.replyTTL;
    hop.kind = h.kind;
    if (h.stack) hop.mpls = h.stack;
    if (h.mangled.length) hop.mangled = h.mangled;
    const name = nameOf(d, h.addr), about = aboutOf(d, h.addr);
    if (name) hop.name = name;
    if (about && about.asn) hop.asn = about.asn;
    return hop;
  });
  return r;
}

// csvOf returns the hops of traces as CSV (RFC 4180).
function csvOf(d, traces) {
  const rows = ['target,source,flow,verdict,ttl,attempt,address,name,asn,rtt_ms,kind,labels,mangled'];
  for (const t of traces) {
    for (const h of hopsOf(d, t)) {
      const about = aboutOf(d, h.addr);
      rows.push([address(d, h.target), address(d, d.col.src[t]), h.flow, verdictOf(d, t), h.ttl, h.attempt, address(d, h.addr), nameOf(d, h.addr), about && about.asn ? about.asn.join(' ') : '', Number.isNaN(h.rtt) ? '' : h.rtt.toFixed(3), h.kind, h.stack, h.mangled.join(' ')].map(csvField).join(','));
    }
  }
  return rows.join('\r\n') + '\r\n';
}

// csvField quotes a field. A text that a spreadsheet would take for a formula gets a quote before it.
function csvField(value) {
  let text = String(value);
  if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function saveText(file, type, text) { save(file, new Blob([text], {type})); }

// save offers a blob as a file.
function save(file, blob) {
  const a = el('a', {download: file});
  a.href = URL.createObjectURL(blob);
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

// savePicture saves SVG as PNG, at twice its size if a canvas can be so large.
function savePicture(file, picture) {
  const image = new Image(), width = Number(picture.getAttribute('width')), height = Number(picture.getAttribute('height')), scale = Math.min(2, 16000 / Math.max(width, height));
  image.onload = () => {
    const canvas = el('canvas', {width: Math.round(scale * width), height: Math.round(scale * height)});
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(blob => save(file, blob), 'image/png');
  };
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(picture.outerHTML);
}
