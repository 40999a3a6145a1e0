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
	t.TargetAnnotation = a.replace(t.TargetAnnotation, a.once(t.Target))
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Responder == t.Target {
			h.Annotation = t.TargetAnnotation
		} else {
			h.Annotation = a.replace(h.Annotation, a.Of(h.Responder))
		}
	}
	had := len(t.InferredAnnotations)
	for i := range t.Inferred {
		n := a.Of(t.Inferred[i].Addr)
		if i < had {
			t.InferredAnnotations[i] = a.replace(t.InferredAnnotations[i], n)
		} else {
			t.InferredAnnotations = append(t.InferredAnnotations, n)
		}
	}
	t.ASPath = appendPath(t.ASPath[:0], t)
}

// replace returns the annotation of an address that had an older one.
func (a *Annotator) replace(old, n *record.Annotation) *record.Annotation {
	if old == nil {
		return n
	}
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
