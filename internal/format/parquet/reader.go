package parquet

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/record"
)

// mostHops is the most hops of a trace: each TTL and attempt once.
const mostHops = 1 << 16

// Reader reads the table of hops as traces, a page of each column at a time. Its memory is below
// 256 MB for any file. It is used by one goroutine at a time.
type Reader struct {
	in     io.Reader   // until it is opened
	at     io.ReaderAt // nil until then
	size   int64
	close  func() error
	footer *footer
	u      unpacker

	before, after []record.Record
	group         int // number of the row group that is read, from 0
	left          int64
	key           []*cursor // of key
	trace         []*cursor // of traceColumns
	hop           []*cursor // of hopColumns
	behind        int64     // rows that trace has to skip

	last    [2]value      // the key of t
	t       *record.Trace // being read, nil before the first
	ttl     int           // of its last hop, with the attempt
	hopRoom record.Hop
	row     row
	value   value
	err     error
}

// NewReader returns a Reader of in, which it copies to memory or to a temporary file.
func NewReader(in io.Reader) *Reader { return &Reader{in: in} }

// NewReaderAt returns a Reader of a file of that size.
func NewReaderAt(at io.ReaderAt, size int64) *Reader { return &Reader{at: at, size: size} }

// Read implements format.Reader.
func (r *Reader) Read() (record.Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.footer == nil {
		r.err = r.open()
	}
	rec := record.Record(nil)
	if r.err == nil {
		rec, r.err = r.next()
	}
	if r.err == nil {
		return rec, nil
	}
	if r.close != nil {
		if err := r.close(); err != nil && r.err == io.EOF {
			r.err = err
		}
	}
	return nil, r.err
}

// open reads the end of the file.
func (r *Reader) open() (err error) {
	if r.at == nil {
		if r.at, r.size, r.close, err = spool(r.in); err != nil {
			return err
		}
		r.in = nil
	}
	if r.footer, err = readFooter(r.at, r.size); err != nil {
		r.footer = nil
		return err
	}
	if r.before, r.after, err = records(r.footer.meta); err != nil {
		return fmt.Errorf("footer at byte %d: %w", r.footer.at, err)
	}
	r.footer.meta = nil
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(longestPage), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return err
	}
	r.u = unpacker{in: r.at, zstd: decoder}
	r.group = -1
	for _, set := range []struct {
		columns columns
		to      *[]*cursor
	}{{key, &r.key}, {slices.Concat(traceColumns, traceAnnotation), &r.trace}, {slices.Concat(hopColumns, hopAnnotation), &r.hop}} {
		if *set.to, err = r.cursors(set.columns); err != nil {
			return err
		}
	}
	for _, first := range [...]struct {
		columns columns
		cursors []*cursor
	}{{key, r.key}, {hopColumns, r.hop}} {
		if len(first.cursors) == 0 || first.cursors[0].column.name != first.columns[0].name {
			return fmt.Errorf("no column %s: not a table of hops", first.columns[0].name)
		}
	}
	return nil
}

// cursors makes a cursor for each column of list, unless the file lacks it or nothing takes it.
func (r *Reader) cursors(list columns) (cursors []*cursor, err error) {
	for i := range list {
		c := &list[i]
		if c.take == nil {
			continue
		}
		at := slices.IndexFunc(r.footer.leaves, func(l leaf) bool { return l.path == c.path() })
		if at < 0 {
			continue
		}
		l := &r.footer.leaves[at]
		if !c.fits(l) {
			return nil, fmt.Errorf("column %s is of another type than this version writes", c.name)
		}
		cursors = append(cursors, &cursor{leaf: l, column: c, u: &r.u, index: at})
	}
	return cursors, nil
}

// path returns the path of the values of a column in a file.
func (c *column) path() string {
	if c.class == numbers {
		return c.name + ".list.element"
	}
	return c.name
}

// fits reports whether values of a column in a file can be read.
func (c *column) fits(l *leaf) bool {
	if c.class == numbers {
		return l.maxRep == 1 && (l.physical == typeInt32 || l.physical == typeInt64)
	}
	if l.maxRep > 0 || l.maxDef > 1 {
		return false
	}
	switch c.class {
	case number:
		return l.physical == typeInt32 || l.physical == typeInt64
	case timeUs:
		return l.physical == typeInt64
	case float:
		return l.physical == typeDouble || l.physical == typeFloat
	case truth:
		return l.physical == typeBoolean
	}
	return l.physical == typeBinary
}

// next returns the next record.
func (r *Reader) next() (record.Record, error) {
	if len(r.before) > 0 {
		rec := r.before[0]
		r.before = r.before[1:]
		return rec, nil
	}
	for {
		if r.left == 0 {
			if r.group++; r.group >= len(r.footer.groups) {
				break
			}
			if err := r.startGroup(); err != nil {
				return nil, err
			}
			continue
		}
		done, err := r.readRow()
		if err != nil {
			return nil, fmt.Errorf("row group %d, row %d: %w", r.group, r.footer.groups[r.group].rows-r.left, err)
		}
		r.left--
		if done != nil {
			return done, nil
		}
	}
	if t := r.t; t != nil {
		r.t, r.group = nil, len(r.footer.groups)
		return t, nil
	}
	if len(r.after) > 0 {
		rec := r.after[0]
		r.after = r.after[1:]
		return rec, nil
	}
	return nil, io.EOF
}

// startGroup begins to read a row group.
func (r *Reader) startGroup() error {
	g := &r.footer.groups[r.group]
	r.left, r.behind = g.rows, 0
	for _, set := range [...][]*cursor{r.key, r.trace, r.hop} {
		for _, c := range set {
			c.start(&g.chunks[c.index])
		}
	}
	return nil
}

// readRow reads a row. It returns the trace before, if the row begins another.
func (r *Reader) readRow() (done record.Record, err error) {
	begins, err := r.readKey()
	if err != nil {
		return nil, err
	}
	hop, err := r.readHop()
	if err != nil {
		return nil, err
	}
	row := &r.row
	ttl := int(r.hopRoom.TTL)<<8 | int(r.hopRoom.Attempt)
	if r.t == nil || begins || !hop || ttl <= r.ttl && !r.hopRoom.Lacks.Has(record.LacksAttempt) || ttl < r.ttl {
		if r.t != nil {
			done = r.t
		}
		if err := r.begin(); err != nil {
			return nil, err
		}
	} else {
		r.behind++
	}
	if r.ttl = ttl; !hop {
		r.ttl = 1 << 16 // the next row begins a trace
		return done, nil
	}
	if row.inferred != nil {
		r.t.AddInferred(record.Interface{TTL: r.hopRoom.TTL, Addr: r.hopRoom.Responder}, row.note)
		return done, nil
	}
	r.hopRoom.Annotation = row.note
	if len(r.t.Hops) >= mostHops {
		return nil, fmt.Errorf("a trace of more than %d hops", mostHops)
	}
	r.hopRoom.Target, r.hopRoom.Flow = r.t.Target, r.t.FlowIndex
	r.t.Hops = append(r.t.Hops, r.hopRoom)
	return done, nil
}

// readKey reads the columns of the key, and reports whether they differ from those of the last row.
func (r *Reader) readKey() (begins bool, err error) {
	for i, c := range r.key {
		v, last := &r.value, &r.last[i]
		if err := c.next(v); err != nil {
			return false, err
		}
		if last.there == v.there && (!v.there || last.n == v.n && bytes.Equal(last.b, v.b)) {
			continue
		}
		begins = true
		last.there, last.n, last.b = v.there, v.n, append(last.b[:0], v.b...)
	}
	return begins, nil
}

// readHop reads the columns of a hop, and reports whether there is one.
func (r *Reader) readHop() (hop bool, err error) {
	row := &r.row
	r.hopRoom = record.Hop{Lacks: record.LacksAttempt | record.LacksKind | record.LacksValid}
	row.h, row.inferred, row.note, row.err = &r.hopRoom, nil, nil, nil
	for i, c := range r.hop {
		if err := c.next(&r.value); err != nil {
			return false, err
		}
		if r.value.there {
			hop = hop || i == 0 // probe_ttl
			c.column.take(row, &r.value)
		}
	}
	return hop, row.err
}

// begin begins a trace.
func (r *Reader) begin() error {
	r.t = &record.Trace{Bare: true, Head: record.Head{Method: record.NoMethod}, Hops: make([]record.Hop, 0, 16)}
	row := &r.row
	row.t, row.err = r.t, nil
	for i, c := range r.key {
		if r.last[i].there {
			c.column.take(row, &r.last[i])
		}
	}
	for _, c := range r.trace {
		if err := c.skip(r.behind); err != nil {
			return err
		}
		if err := c.next(&r.value); err != nil {
			return err
		}
		if r.value.there {
			c.column.take(row, &r.value)
		}
	}
	r.behind = 0
	return row.err
}
