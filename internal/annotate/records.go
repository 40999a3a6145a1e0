package annotate

import (
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// Record annotates a record. Fields that the databases give replace those that the record had;
// other fields stay. A run record, and one of its continuation, gets the names of the databases.
func (a *Annotator) Record(r record.Record) {
	switch r := r.(type) {
	case *record.Trace:
		a.trace(r)
	case *record.Run:
		r.Databases = a.merged(r.Databases)
	case *record.Resume:
		r.Databases = a.merged(r.Databases)
	}
}

// trace annotates the hops and the target of a trace.
func (a *Annotator) trace(t *record.Trace) {
	a.limit()
	target := a.once(&t.Target)
	t.TargetAnnotation, _ = a.replace(t.TargetAnnotation, target)
	a.numbers = a.numbers[:0]
	for i := range t.Hops { // first all look-ups, which wait for memory together
		n := target
		if h := &t.Hops[i]; h.Responder != t.Target {
			n = a.number(&h.Responder)
		}
		a.numbers = append(a.numbers, n)
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		h.Annotation, a.numbers[i] = a.replace(h.Annotation, a.numbers[i])
	}
	a.inferred(t)
	t.ASPath = a.appendPath(t.ASPath[:0], t)
}

// inferred annotates the inferred hops of a trace.
func (a *Annotator) inferred(t *record.Trace) {
	for i := range t.Inferred {
		if i == len(t.InferredAnnotations) {
			t.InferredAnnotations = append(t.InferredAnnotations, nil)
		}
		n := a.number(&t.Inferred[i].Addr)
		t.InferredAnnotations[i], _ = a.replace(t.InferredAnnotations[i], n)
	}
}

// replace returns the annotation for an answer of an address that had an older one, and the number
// of its part of an AS path.
func (a *Annotator) replace(old *record.Annotation, number uint32) (*record.Annotation, uint32) {
	n := a.recent.answer[number]
	if old == nil {
		return n.note, n.part
	}
	m := a.merge(old, n.note)
	return m, a.parts.number(m)
}

// merge returns an annotation with the fields of n that the databases give, and the other ones of
// old; nil if it has none.
func (a *Annotator) merge(old, n *record.Annotation) *record.Annotation {
	if n == nil {
		n = new(record.Annotation)
	}
	m := *old
	if a.origins || n.ASN != nil {
		m.ASN, m.ASNSource, m.ASName, m.Prefix = n.ASN, n.ASNSource, n.ASName, n.Prefix
	}
	if a.fields&IXP != 0 {
		if m.IXP = n.IXP; m.IXP != "" && !m.Prefix.IsValid() {
			m.Prefix = n.Prefix
		}
	}
	if a.fields&Country != 0 {
		m.Country = n.Country
	}
	if a.fields&Name != 0 {
		m.Name = n.Name
	}
	if m.ASN == nil && m.IXP == "" && m.Country == "" && m.Name == "" {
		return nil
	}
	return &m
}

// merged returns the databases of a run: those in use, and before them the older ones for the
// fields that they do not give.
func (a *Annotator) merged(old []record.Database) (list []record.Database) {
	replaced := a.fields.Names()
	for _, db := range old {
		db.Fields = slices.DeleteFunc(slices.Clone(db.Fields), func(name string) bool { return slices.Contains(replaced, name) })
		if len(db.Fields) > 0 && !slices.ContainsFunc(a.list, func(d database) bool { return d.File == db.File }) {
			list = append(list, db)
		}
	}
	for i := range a.list {
		list = append(list, a.list[i].Database)
	}
	return list
}
