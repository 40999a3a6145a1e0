package target

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"math"
	"net/netip"
	"slices"
	"unsafe"

	"github.com/masstrace/masstrace/internal/probe"
)

// Lines holds the entries of target or exclusion lists. A line contains an IPv4 or IPv6 address, a
// prefix, a range "first-last", or nothing; see LineReader for the rest.
//
// Host bits of a prefix are masked and counted. Zones are errors. IPv4-mapped IPv6 addresses are
// errors too, since they would give one target two texts. In IPv6 prefixes and ranges that contain
// them, ::ffff:0:0/96 and :: are left out: no probe can be sent there.
//
// An address takes 16 octets, all other entries 32. The zero Lines is empty and ready to use, by one
// goroutine at a time.
type Lines struct {
	spans    []span // all entries but single addresses
	singles  []u128
	apart    []u128 // singles that split has set apart
	sorted   bool   // spans are canonical, and singles and apart ascend without repetition
	hostBits int
	first    string // place of the first prefix with host bits set

	fullSpans, fullSingles int // lengths at which add next looks for repetitions

	share func() float64 // see Expect
	from  int            // length of singles when it was set
}

// Read adds the lines of r. Its errors contain name:line. After an error l holds the lines before
// it and should be discarded.
func (l *Lines) Read(name string, r io.Reader) error { return l.ReadText(name, r, Text{}) }

// Text describes a list before it is read.
type Text struct {
	Size int64 // in octets; 0 is not known
	// Name, unless it is nil, takes the names of hosts. It is called with lines that are no entry, and
	// reports whether it takes the line. An error ends reading.
	Name func(text string) (taken bool, err error)
}

// ReadText is Read of a list of which more is known.
func (l *Lines) ReadText(name string, r io.Reader, t Text) error {
	in := NewLineReader(name, r)
	for {
		line, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		// The entry keeps nothing of the text, and an error copies what it quotes.
		e, bad := parseEntry(unsafe.String(unsafe.SliceData(line), len(line)))
		if bad != nil && t.Name != nil {
			taken, err := t.Name(string(line))
			if taken && err == nil {
				continue
			}
			bad = cmp.Or(err, bad)
		}
		if bad != nil {
			return in.Wrap(bad)
		}
		if t.Size > 0 && e.single {
			l.reserve(in.lines(t.Size))
			t.Size = 0
		}
		l.addLine(e, name, in.Number())
	}
}

// Add adds the entry that text is, without spaces around it. The error about a text that is no entry
// contains neither place nor name; an entry with host bits is noted with its place.
func (l *Lines) Add(text, place string) error {
	e, err := parseEntry(text)
	if err == nil {
		l.add(e, place)
	}
	return err
}

// AddPrefix adds a prefix. Its host bits are masked, and not counted.
func (l *Lines) AddPrefix(p netip.Prefix) {
	e := prefixEntry(p)
	e.hostBits = false
	l.add(e, "")
}

// AddLines adds all entries of other lines.
func (l *Lines) AddLines(other *Lines) {
	l.sorted = false
	l.spans = append(l.spans, other.spans...)
	l.singles = append(append(l.singles, other.singles...), other.apart...)
	if l.hostBits == 0 {
		l.first = other.first
	}
	l.hostBits += other.hostBits
	l.compact()
}

// AddAddr adds an address, which is listed by itself.
func (l *Lines) AddAddr(a probe.Addr) {
	v := fromAddr(a)
	l.add(entry{span: span{v, v}, is6: !is4(v), single: true}, "")
}

// Expect states how much of the entries is there, for entries that are added next: share returns the
// part of their source that was read, or 0. After many addresses, the Lines make room for the rest.
func (l *Lines) Expect(share func() float64) { l.share, l.from = share, len(l.singles) }

// manyRead is the number of addresses after which their share is known well enough.
const manyRead = 1 << 18

// expected makes room for the addresses that Expect promises, once.
func (l *Lines) expected() {
	share := l.share()
	l.share = nil
	if share > 0 && share < 1 {
		l.reserve(int64(manyRead * (1/share - 1) * 17 / 16))
	}
}

// reserve makes room for single addresses, so that a long list is not copied while it grows. Room
// that is not used costs address space alone.
func (l *Lines) reserve(n int64) {
	if n > 1<<16 {
		l.singles = slices.Grow(l.singles, int(min(n, math.MaxUint32)))
	}
}

func (l *Lines) addLine(e entry, name string, n int) {
	where := ""
	if e.hostBits && l.hostBits == 0 {
		where = fmt.Sprintf("%s:%d", name, n)
	}
	l.add(e, where)
}

func (l *Lines) add(e entry, where string) {
	if e.hostBits {
		if l.hostBits++; l.hostBits == 1 {
			l.first = where
		}
	}
	l.sorted = false
	l.compact()
	if e.single && (!e.is6 || e.lo.Hi != 0) {
		if l.share != nil && len(l.singles)-l.from == manyRead {
			l.expected()
		}
		l.singles = append(l.singles, e.lo)
		return
	}
	parts := []span{e.span}
	if e.is6 && e.lo.Hi == 0 {
		parts = subtract(parts, []span{{}, mapped})
	}
	if !e.single {
		l.spans = append(l.spans, parts...)
	} else if len(parts) == 1 {
		l.singles = append(l.singles, e.lo)
	}
}

// manyEntries is the number of entries from which on add looks for repetitions.
const manyEntries = 1 << 20

// compact removes repetitions once there are many entries, and again at four times the rest. So the
// memory is that of the different entries, for a file of any length.
func (l *Lines) compact() {
	if len(l.spans) >= max(l.fullSpans, manyEntries) {
		l.spans = canonical(l.spans)
		l.fullSpans = 4 * len(l.spans)
	}
	if len(l.singles) >= max(l.fullSingles, manyEntries) {
		slices.SortFunc(l.singles, u128.Cmp)
		l.singles = slices.Compact(l.singles)
		l.fullSingles = 4 * len(l.singles)
	}
}

// HostBits returns how many prefixes had host bits set, which were masked, and the place of the
// first of them: file:line, or the argument.
func (l *Lines) HostBits() (count int, first string) { return l.hostBits, l.first }

// sort brings the entries into canonical order.
func (l *Lines) sort() {
	if l.sorted {
		return
	}
	l.spans = canonical(l.spans)
	l.singles, l.apart = append(l.singles, l.apart...), nil
	slices.SortFunc(l.singles, u128.Cmp)
	l.singles = slices.Compact(l.singles)
	l.sorted = true
}

// all yields the addresses of all lines as canonical spans.
func (l *Lines) all(yield func(span) bool) {
	l.sort()
	var last []span // at most one, which the next span may touch
	for s := range merged(l.spans, l.allSingles) {
		if last = appendMerged(last, s); len(last) > 1 {
			if !yield(last[0]) {
				return
			}
			last = append(last[:0], last[1])
		}
	}
	if len(last) > 0 {
		yield(last[0])
	}
}

// split sets the singles in exclude apart, and returns the others. They are not to be changed.
func (l *Lines) split(exclude Set) []u128 {
	if len(l.apart) > 0 {
		l.sorted = false
	}
	l.sort()
	left := l.singles[:0] // in place: a list may be as large as memory allows
	for _, v := range l.singles {
		if exclude.contains(v) {
			l.apart = append(l.apart, v)
		} else {
			left = append(left, v)
		}
	}
	l.singles = left
	return left
}

// allSingles yields the singles in order, also those set apart.
func (l *Lines) allSingles(yield func(u128) bool) {
	apart := l.apart
	for _, v := range l.singles {
		for len(apart) > 0 && apart[0].Less(v) {
			if !yield(apart[0]) {
				return
			}
			apart = apart[1:]
		}
		if !yield(v) {
			return
		}
	}
	for _, v := range apart {
		if !yield(v) {
			return
		}
	}
}

// merged yields spans and single addresses, both sorted, in the order of their first addresses.
func merged(spans []span, singles iter.Seq[u128]) iter.Seq[span] {
	return func(yield func(span) bool) {
		for v := range singles {
			for len(spans) > 0 && !v.Less(spans[0].lo) {
				if !yield(spans[0]) {
					return
				}
				spans = spans[1:]
			}
			if !yield(span{v, v}) {
				return
			}
		}
		for _, s := range spans {
			if !yield(s) {
				return
			}
		}
	}
}

// KeepFamily removes all entries of the other address family.
func (l *Lines) KeepFamily(v4 bool) {
	l.sort()
	l.spans = slices.DeleteFunc(l.spans, func(s span) bool { return is4(s.lo) != v4 })
	l.singles = slices.DeleteFunc(l.singles, func(v u128) bool { return is4(v) != v4 })
}

// Set returns the addresses of all lines.
func (l *Lines) Set() Set { return Set{slices.Collect(l.all)} }

// IsEmpty reports whether there is no entry.
func (l *Lines) IsEmpty() bool { return len(l.spans)+len(l.singles)+len(l.apart) == 0 }

// Digest returns the SHA-256, in hexadecimal, of the targets that the lines define. Its input is
// the canonical text of Set, then a line for each address listed by itself, in order.
func (l *Lines) Digest() string {
	l.sort()
	return digest(l.all, l.allSingles)
}

// Text yields the canonical form of the lines, in parts of whole lines. A part has little more than
// most octets, and is valid until the next. Reading all of them gives the same targets.
func (l *Lines) Text(most int) iter.Seq[[]byte] {
	l.sort()
	return texts(most, slices.Values(l.spans), l.allSingles)
}

// texts yields the lines of spans and of single addresses.
func texts(most int, spans iter.Seq[span], singles iter.Seq[u128]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var b []byte
		full := func() bool {
			if len(b) < most {
				return true
			}
			goes := yield(b)
			b = b[:0]
			return goes
		}
		for s := range spans {
			if b = appendSpan(b, s); !full() {
				return
			}
		}
		for v := range singles {
			if b = append(toAddr(v).Netip().AppendTo(b), '\n'); !full() {
				return
			}
		}
		if len(b) > 0 {
			yield(b)
		}
	}
}
