package annotate

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// appendPath appends the parts of the AS path of an annotated trace. A part has consecutive TTLs.
// Of several addresses at one TTL, the first one counts.
func appendPath(path []record.PathPart, t *record.Trace) []record.PathPart {
	hop, inferred := 0, 0
	last := t.End
	if n := len(t.Hops); n > 0 {
		last = max(last, t.Hops[n-1].TTL)
	}
	for ttl := int(firstTTL(t)); ttl <= int(last); ttl++ {
		for hop < len(t.Hops) && int(t.Hops[hop].TTL) < ttl {
			hop++
		}
		for inferred < len(t.Inferred) && int(t.Inferred[inferred].TTL) < ttl {
			inferred++
		}
		part := record.PathPart{Kind: record.PathSilent}
		switch {
		case hop < len(t.Hops) && int(t.Hops[hop].TTL) == ttl:
			part = partOf(t.Hops[hop].Annotation)
		case inferred < len(t.Inferred) && int(t.Inferred[inferred].TTL) == ttl:
			part = partOf(t.InferredAnnotations[inferred])
		}
		part.First, part.Last = uint8(ttl), uint8(ttl)
		if n := len(path); n > 0 && same(&path[n-1], &part) {
			path[n-1].Last = part.Last
			continue
		}
		path = append(path, part)
	}
	return path
}

// firstTTL returns the first TTL that a trace has anything of.
func firstTTL(t *record.Trace) uint8 {
	first := uint8(probe.MaxTTL + 1)
	if len(t.Hops) > 0 {
		first = t.Hops[0].TTL
	}
	if len(t.Inferred) > 0 {
		first = min(first, t.Inferred[0].TTL)
	}
	if len(t.Silent) > 0 {
		first = min(first, t.Silent[0].TTL)
	}
	if t.Bare && t.FirstTTL > 0 {
		first = min(first, t.FirstTTL)
	}
	return max(first, 1)
}

// partOf returns the part that an address with this annotation belongs to.
func partOf(n *record.Annotation) record.PathPart {
	switch {
	case n == nil || len(n.ASN) == 0 && n.IXP == "":
		return record.PathPart{Kind: record.PathUnknown}
	case n.IXP != "":
		return record.PathPart{Kind: record.PathIXP, ASN: n.ASN, IXP: n.IXP}
	}
	return record.PathPart{Kind: record.PathAS, ASN: n.ASN}
}

// same reports whether two parts differ in their TTLs alone.
func same(a, b *record.PathPart) bool {
	return a.Kind == b.Kind && a.IXP == b.IXP && slices.Equal(a.ASN, b.ASN)
}
