package format

import (
	"cmp"

	"github.com/masstrace/masstrace/internal/record"
)

// Rows selects the rows of formats with a row for each reply. The rows are the replies, or the hops
// of traces if there are no reply records: the first of either decides. So no reply is in two rows.
type Rows struct {
	Kinds record.Kinds // data records to use; 0: both

	replies, hops bool // are used
}

// Each calls row for each row that r gives. A reply at no TTL has no row. Neither has one that is
// no hop because another reply proves more, or because too little speaks for it.
func (s *Rows) Each(r record.Record, row func(*record.Head, *record.Hop)) {
	kinds := cmp.Or(s.Kinds, record.Both)
	switch r := r.(type) {
	case *record.Reply:
		if !kinds.Has(record.Replies) || s.hops {
			return
		}
		s.replies = true
		if r.HasHop() && r.TTL != 0 && !r.Withheld && !r.Superseded {
			row(&r.Head, &r.Hop)
		}
	case *record.Trace:
		if !kinds.Has(record.Traces) || s.replies {
			return
		}
		for i := range r.Hops {
			s.hops = true
			row(&r.Head, &r.Hops[i])
		}
	}
}
