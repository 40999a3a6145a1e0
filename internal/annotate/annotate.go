// Package annotate adds to records what databases hold about their addresses: autonomous systems,
// prefixes, exchanges, countries and names. It looks everything up in files, and asks no server.
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

// mostKeyed is how many databases have their entries in the key of a shared annotation.
const mostKeyed = 4

// combination is the entries of the databases for some addresses. They have the same annotation.
type combination struct {
	entries [mostKeyed]*entry
	prefix  netip.Prefix
}

// Annotator annotates records. It belongs to one goroutine at a time.
type Annotator struct {
	*Databases
	known  recent[probe.Addr]
	shared recent[combination]
	found  []*entry // by database, of one address
	err    error
}

// New returns an Annotator for open databases.
func New(d *Databases) *Annotator {
	return &Annotator{Databases: d, found: make([]*entry, len(d.list))}
}

// Err returns the first error of a look-up. An address whose look-up fails has no annotation.
func (a *Annotator) Err() error { return a.err }

// Of returns the annotation of an address, nil if no database has it. It is not to be changed.
func (a *Annotator) Of(addr probe.Addr) *record.Annotation {
	if addr.IsZero() {
		return nil
	}
	if n, ok := a.known.get(addr); ok {
		return n
	}
	n := a.lookUp(addr.Netip())
	a.known.put(addr, n)
	return n
}

// once is Of for an address that is not expected again: it is not remembered.
func (a *Annotator) once(addr probe.Addr) *record.Annotation {
	if addr.IsZero() {
		return nil
	}
	if n, ok := a.known.get(addr); ok {
		return n
	}
	return a.lookUp(addr.Netip())
}

// lookUp asks all databases.
func (a *Annotator) lookUp(addr netip.Addr) *record.Annotation {
	var key combination
	there := false
	for i := range a.list {
		db := &a.list[i]
		e, prefix, err := db.finder.find(addr)
		if err != nil {
			if a.err == nil {
				a.err = &FileError{Path: db.path, Err: err}
			}
			return nil
		}
		if a.found[i] = e; e == nil {
			continue
		}
		there = true
		if i < mostKeyed {
			key.entries[i] = e
		}
		if !key.prefix.IsValid() && db.fields&(Origin|IXP) != 0 && (len(e.asn) > 0 || e.ixp != "") {
			key.prefix = prefix
		}
	}
	if !there {
		return nil
	}
	if len(a.list) > mostKeyed {
		return a.combine(key.prefix)
	}
	if n, ok := a.shared.get(key); ok {
		return n
	}
	n := a.combine(key.prefix)
	a.shared.put(key, n)
	return n
}

// combine makes an annotation of the entries that were found; nil if they have nothing that is
// used.
func (a *Annotator) combine(prefix netip.Prefix) *record.Annotation {
	var n record.Annotation
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
		return nil
	}
	return &n
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
