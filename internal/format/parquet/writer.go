package parquet

import (
	"errors"
	"slices"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/flatlinks"
	"github.com/masstrace/masstrace/internal/record"
)

// groupRows is the number of rows of a row group. A Writer holds them in memory, in some 100 MB.
// Readers work on row groups in parallel, so more rows would not help them.
const groupRows = 1 << 18

// batchRows is about how many rows are encoded at once.
const batchRows = 512

// Writer writes a table. It holds the records of one row group, to sort them. The file is
// useless until End has written its footer.
type Writer struct {
	table   table
	out     *pq.GenericWriter[any]
	cols    []*pq.ColumnWriter
	kept    kept
	links   links
	paths   flatlinks.Rows
	flat    []link // of multipath records, for the next row group
	meta    meta
	cellsOf []cells // by column
	row     row
	value   value
	batch   [][]pq.Value // by column
	filled  int          // rows in batch
	err     error
	ended   bool // the end of the file is written
}

// NewWriter returns a Writer of the table that o names. An unknown name is an error of Write.
func NewWriter(o format.Output) *Writer {
	w := &Writer{meta: meta{runID: o.Run, hostname: o.Hostname}}
	if w.table, w.err = tableOf(o.Table); w.err != nil {
		return w
	}
	sorting := make([]pq.SortingColumn, w.table.sorted)
	for i := range sorting {
		sorting[i] = pq.Ascending(w.table.columns[i].name)
	}
	options := []pq.WriterOption{
		w.table.columns.schema(w.table.name), pq.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		pq.SortingWriterConfig(pq.SortingColumns(sorting...)), pq.CreatedBy("masstrace", schema, "parquet-go"),
	}
	for _, c := range w.table.columns {
		options = append(options, pq.SkipPageStatistics(c.name)) // readers use those of the page index
		if c.random || c.class == jsonText || c.class == octets {
			options = append(options, pq.SkipPageBounds(c.name))
		}
	}
	w.out = pq.NewGenericWriter[any](o.Out, options...)
	w.cols = w.out.ColumnWriters()
	w.batch = make([][]pq.Value, len(w.table.columns))
	w.cellsOf = make([]cells, len(w.table.columns))
	for i := range w.cellsOf {
		w.cellsOf[i] = newCells(&w.table.columns[i], i)
	}
	w.row.run = o.Run
	return w
}

// Write implements format.Writer.
func (w *Writer) Write(r record.Record) error {
	switch {
	case w.err != nil:
		return w.err
	case w.ended:
		return errEnded
	}
	if w.table.name == tableLinks {
		w.paths.Take(r, w.path)
	}
	switch r := r.(type) {
	case *record.Multipath, *record.PathChange, *record.Followed:
	case *record.Trace:
		switch w.table.name {
		case tableLinks:
			if !w.paths.Paths() { // those of multipath records have more
				w.links.add(r)
			}
		case tableHops:
			w.keep(max(len(r.Hops)+len(r.Inferred), 1), func() { w.kept.trace(r, true) })
		case tableTraces:
			w.keep(1, func() { w.kept.trace(r, false) })
		}
	case *record.Reply:
		if w.table.name == tableReplies {
			w.keep(1, func() { w.kept.reply(r) })
		}
	default:
		w.err = w.meta.add(r)
		w.row.run = w.meta.runID
	}
	return w.err
}

// path keeps a link of a multipath record, after writing the row group if it would be too long.
func (w *Writer) path(row *flatlinks.Row) {
	if len(w.flat) == groupRows {
		w.linkRows(w.flat)
		w.flat = w.flat[:0]
	}
	kept := *row
	w.flat = append(w.flat, link{near: row.Near, far: row.Far, paths: &kept})
}

// linkRows writes links as a row group.
func (w *Writer) linkRows(list []link) {
	sortLinks(list)
	for i := range list {
		w.row.link = &list[i]
		w.cells(0, len(w.batch))
		w.endRows(1)
	}
	w.endGroup()
}

// keep keeps a record of that many rows, after writing the row group if it would be too long.
func (w *Writer) keep(rows int, add func()) {
	if w.kept.rows > 0 && w.kept.rows+rows > groupRows {
		w.group()
	}
	add()
	w.kept.rows += rows
}

// group writes the kept records as a row group.
func (w *Writer) group() {
	for _, t := range w.kept.sortedTraces() {
		w.rows(t)
	}
	for _, r := range w.kept.sortedReplies() {
		w.row.head, w.row.h = &r.Head, &r.Hop
		w.cells(0, len(w.batch))
		w.endRows(1)
	}
	w.kept.reset()
	w.endGroup()
}

// rows writes the rows of a trace.
func (w *Writer) rows(t *record.Trace) {
	r := &w.row
	r.t, r.head = t, &t.Head
	first, last, n := len(key), len(key)+len(hopColumns)+len(hopAnnotation), 1
	if w.table.name == tableTraces {
		last = first
	} else {
		n = max(len(t.Inferred)+len(t.Hops), 1)
	}
	for i := first; i < last; i++ {
		w.hops(i, t)
	}
	w.repeated(0, first, n)
	w.repeated(last, len(w.batch), n)
	w.endRows(n)
}

// hops appends the hops of a trace to a column of the batch.
func (w *Writer) hops(i int, t *record.Trace) {
	r, c := &w.row, &w.table.columns[i]
	r.h, r.inferred, r.note = nil, nil, nil
	if len(t.Inferred)+len(t.Hops) == 0 {
		w.cells(i, i+1)
	}
	for j := range t.Inferred {
		if r.inferred = &t.Inferred[j]; j < len(t.InferredAnnotations) {
			r.note = t.InferredAnnotations[j]
		}
		w.cells(i, i+1)
	}
	r.inferred, r.note = nil, nil
	if c.code != nil {
		w.batch[i] = w.cellsOf[i].hops(w.batch[i], t.Hops)
		return
	}
	for j := range t.Hops {
		r.note = t.Hops[j].Annotation
		if r.h = &t.Hops[j]; c.has != nil && !c.has(r.h) {
			w.batch[i] = append(w.batch[i], w.cellsOf[i].null)
			continue
		}
		w.cells(i, i+1)
	}
}

// cells appends a row to some columns of the batch.
func (w *Writer) cells(from, to int) {
	for i := from; i < to; i++ {
		v := &w.value
		v.there = false
		w.table.columns[i].put(&w.row, v)
		w.batch[i] = w.cellsOf[i].append(w.batch[i], v)
	}
}

// repeated appends n equal rows to some columns of the batch.
func (w *Writer) repeated(from, to, n int) {
	for i := from; i < to; i++ {
		v := &w.value
		v.there = false
		w.table.columns[i].put(&w.row, v)
		start := len(w.batch[i])
		batch := w.cellsOf[i].append(w.batch[i], v)
		cells := batch[start:len(batch):len(batch)] // several of a list
		for range n - 1 {
			batch = append(batch, cells...)
		}
		w.batch[i] = batch
	}
}

// endRows counts n rows, and encodes the batch if it is full.
func (w *Writer) endRows(n int) {
	if w.filled += n; w.filled >= batchRows {
		w.encode()
	}
}

// encode hands the batch over to the columns.
func (w *Writer) encode() {
	for i, batch := range w.batch {
		if w.err == nil && len(batch) > 0 {
			_, w.err = w.cols[i].WriteRowValues(batch)
		}
		w.batch[i] = batch[:0]
	}
	w.filled, w.row.room = 0, w.row.room[:0]
}

// endGroup ends a row group.
func (w *Writer) endGroup() {
	w.encode()
	if w.err == nil {
		w.err = w.out.Flush()
	}
}

// errEnded is the error of Write after End.
var errEnded = errors.New("the file has its end already")

// Flush implements format.Writer. It writes nothing: row groups are long, and without the end of
// the file they are useless.
func (w *Writer) Flush() error { return w.err }

// End writes the last row group, and the end of the file.
func (w *Writer) End() error {
	if w.err != nil || w.ended {
		return w.err
	}
	if len(w.flat) > 0 {
		w.linkRows(w.flat)
	}
	for part := range slices.Chunk(w.links.list(), groupRows) {
		w.linkRows(part)
	}
	if w.kept.rows > 0 {
		w.group()
	}
	for _, pair := range w.meta.pairs(w.table.name) {
		w.out.SetKeyValueMetadata(pair[0], pair[1])
	}
	if w.err == nil {
		w.err = w.out.Close()
	}
	w.ended = true
	return w.err
}
