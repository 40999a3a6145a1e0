// Package annotate adds the entries of databases to records: the autonomous systems, prefixes,
// exchanges, countries and names of their addresses. It looks everything up in files, and asks no server.
//
// Open reads the databases. The kind of a file is recognized by its contents: each kind has a file
// of its own here. An Annotator answers for addresses, and annotates records. Addresses repeat, so
// it remembers answers: its memory and time grow with the number of different addresses.
//
// Of several databases with a field, the first one that has an address gives the field. The
// addresses of members of exchanges come before all others.
package annotate

import (
	"net/netip"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// mostKeyed is how many databases have their entries in the key of a shared answer.
const mostKeyed = 3

// combination is the entries of the databases for some addresses. They have the same answer.
type combination struct {
	prefix  probe.Addr
	bits    int // of the prefix, -1 if there is none
	entries [mostKeyed]*entry
}

// Annotator annotates records. It belongs to one goroutine at a time.
type Annotator struct {
	*Databases
	recent  recent
	shared  map[combination]uint32 // numbers of answers
	parts   pathParts
	notes   []record.Annotation // room for the next answers
	found   []*entry            // by database, of one address
	numbers []uint32            // of the hops of a trace
	err     error
}

// New returns an Annotator for open databases.
func New(d *Databases) *Annotator {
	a := &Annotator{Databases: d, found: make([]*entry, len(d.list))}
	a.forget()
	return a
}

// forget drops all answers. Their numbers begin anew: 0 is the answer of no database.
func (a *Annotator) forget() {
	a.recent.forget()
	a.recent.answer = append(a.recent.answer, answer{})
	a.shared, a.notes, a.parts = map[combination]uint32{}, nil, newPathParts()
}

// limit drops all answers if they are too many.
func (a *Annotator) limit() {
	if max(len(a.recent.answer), len(a.parts.list)) > mostAnswers {
		a.forget()
	}
}

// Err returns the first error of a look-up. An address whose look-up fails has no annotation.
func (a *Annotator) Err() error { return a.err }

// Of returns the annotation of an address, nil if no database has it. It is not to be changed.
func (a *Annotator) Of(addr probe.Addr) *record.Annotation {
	a.limit()
	return a.recent.answer[a.number(&addr)].note
}

// number returns the number of the answer for an address, which is valid until forget.
func (a *Annotator) number(addr *probe.Addr) uint32 {
	n, ok := a.recent.number(addr)
	if ok || addr.IsZero() {
		return n
	}
	n, same := a.lookUp(addr)
	a.recent.put(addr, n, same)
	return n
}

// once is number for an address that is not expected again: it is remembered with its neighbors
// alone.
func (a *Annotator) once(addr *probe.Addr) uint32 {
	n, ok := a.recent.number(addr)
	if ok || addr.IsZero() {
		return n
	}
	n, same := a.lookUp(addr)
	if addr.Is4() && same <= block {
		a.recent.put(addr, n, same)
	}
	return n
}

// lookUp asks all databases, and returns the number of their answer. Addresses with the same first
// bits have it, too: same is how many these are.
func (a *Annotator) lookUp(addr *probe.Addr) (n uint32, same int) {
	prefix, same, there := a.ask(addr.Netip())
	switch {
	case !there:
		return 0, same
	case len(a.list) > mostKeyed || addr.Is4() && prefix.IsValid() && prefix.Bits() == max(same, leastSame):
		return a.add(a.combine(prefix)), same // it is not asked for again
	}
	key := combination{bits: prefix.Bits()}
	if prefix.IsValid() {
		key.prefix = probe.AddrFrom(prefix.Addr())
	}
	copy(key.entries[:], a.found)
	n, ok := a.shared[key]
	if !ok {
		n = a.add(a.combine(prefix))
		a.shared[key] = n
	}
	return n, same
}

// ask asks all databases, and reports whether one has the address. The entries are in found. The
// prefix is the first one with an origin or an exchange.
func (a *Annotator) ask(addr netip.Addr) (prefix netip.Prefix, same int, there bool) {
	for i := range a.list {
		db := &a.list[i]
		m, err := db.finder.find(addr)
		if err != nil {
			if a.err == nil {
				a.err = &FileError{Path: db.path, Err: err}
			}
			return netip.Prefix{}, addr.BitLen(), false
		}
		same = max(same, m.same)
		e := m.entry
		if a.found[i] = e; e == nil {
			continue
		}
		there = true
		if !prefix.IsValid() && (db.fields&Origin != 0 && len(e.asn) > 0 || db.fields&IXP != 0 && e.ixp != "") {
			prefix = m.prefix
		}
	}
	return prefix, same, there
}

// add adds an answer, and returns its number.
func (a *Annotator) add(n *record.Annotation) uint32 {
	if n == nil {
		return 0
	}
	a.recent.answer = append(a.recent.answer, answer{n, a.parts.number(n)})
	return uint32(len(a.recent.answer) - 1)
}

// notesAtOnce is how many annotations get memory at once.
const notesAtOnce = 64

// combine makes an annotation of the entries that were found; nil if they have nothing that is
// used.
func (a *Annotator) combine(prefix netip.Prefix) *record.Annotation {
	if len(a.notes) == 0 {
		a.notes = make([]record.Annotation, notesAtOnce)
	}
	n := &a.notes[0]
	for i, e := range a.found {
		if e == nil {
			continue
		}
		db := &a.list[i]
		if db.fields&Origin != 0 {
			if n.ASN == nil && len(e.asn) > 0 {
				n.ASN, n.ASNSource, n.ASName = e.asn, db.File, e.asName
			} else if n.ASName == "" && len(n.ASN) == 1 && len(e.asn) == 1 && e.asn[0] == n.ASN[0] {
				n.ASName = e.asName
			}
		}
		first(db.fields&IXP, &n.IXP, e.ixp)
		first(db.fields&Country, &n.Country, e.country)
		first(db.fields&Name, &n.Name, e.name)
	}
	if len(n.ASN) > 0 && n.ASName == "" {
		n.ASName = a.nameOf(n.ASN[0])
	}
	if len(n.ASN) > 0 || n.IXP != "" {
		n.Prefix = prefix
	}
	if n.ASN == nil && n.IXP == "" && n.Country == "" && n.Name == "" {
		*n = record.Annotation{}
		return nil
	}
	a.notes = a.notes[1:]
	return n
}

// first sets a text that is not set yet, if it is used.
func first(used Fields, to *string, text string) {
	if used != 0 && *to == "" {
		*to = text
	}
}

// nameOf returns the name of an autonomous system, "" if no database has it by number.
func (a *Annotator) nameOf(asn uint32) string {
	for i := range a.list {
		if by, ok := a.list[i].finder.(namer); ok && a.list[i].fields&Origin != 0 {
			if name := by.nameOf(asn); name != "" {
				return name
			}
		}
	}
	return ""
}
