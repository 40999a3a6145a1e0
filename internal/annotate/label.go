package annotate

import (
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/record"
)

// Label returns an annotation for people: AS64500 NAME, and the exchange after a comma. Several
// origins have slashes between them. Without an origin and an exchange it is the name of the
// address, else its country. It is "" if there is nothing.
func Label(n *record.Annotation) string {
	if n == nil {
		return ""
	}
	var parts []string
	if len(n.ASN) > 0 {
		var b strings.Builder
		for i, asn := range n.ASN {
			if i > 0 {
				b.WriteByte('/')
			}
			if i == mostShown {
				b.WriteString("...")
				break
			}
			b.WriteString("AS" + strconv.FormatUint(uint64(asn), 10))
		}
		if n.ASName != "" {
			b.WriteString(" " + n.ASName)
		}
		parts = append(parts, b.String())
	}
	if n.IXP != "" {
		parts = append(parts, n.IXP)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case n.Name != "":
		return n.Name
	}
	return n.Country
}

// mostShown is how many origins a label has.
const mostShown = 5
