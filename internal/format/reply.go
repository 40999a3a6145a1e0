package format

import "github.com/masstrace/masstrace/internal/record"

// IsRow reports whether a reply is a row in formats of other tools, which have a row for each hop
// that was seen. A reply at no TTL is not a row. Nor is one that is no hop because another reply
// proves more, or because too little speaks for it.
func IsRow(r *record.Reply) bool { return r.HasHop() && r.TTL != 0 && !r.Withheld && !r.Superseded }
