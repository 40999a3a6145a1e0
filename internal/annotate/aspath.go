package annotate

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// appendPath appends the parts of the AS path of an annotated trace. A part has consecutive TTLs.
// Of several addresses at one TTL, the first one counts. numbers has the answers for the hops.
func (a *Annotator) appendPath(path []record.PathPart, t *record.Trace) []record.PathPart {
	const silent = ^uint32(0)
	last := t.End
	if n := len(t.Hops); n > 0 {
		last = max(last, t.Hops[n-1].TTL)
	}
	before, hop, inferred := silent-1, 0, 0
	for ttl := int(firstTTL(t)); ttl <= int(last); ttl++ {
		for hop < len(t.Hops) && int(t.Hops[hop].TTL) < ttl {
			hop++
		}
		for inferred < len(t.Inferred) && int(t.Inferred[inferred].TTL) < ttl {
			inferred++
		}
		part, note := silent, (*record.Annotation)(nil)
		switch {
		case hop < len(t.Hops) && int(t.Hops[hop].TTL) == ttl:
			note, part = t.Hops[hop].Annotation, a.recent.answer[a.numbers[hop]].part
		case inferred < len(t.Inferred) && int(t.Inferred[inferred].TTL) == ttl:
			note = t.InferredAnnotations[inferred]
			part = a.part(note)
		}
		if part == before {
			path[len(path)-1].Last = uint8(ttl)
			continue
		}
		before = part
		p := record.PathPart{Kind: record.PathSilent}
		if part != silent {
			p = partOf(note)
		}
		p.First, p.Last = uint8(ttl), uint8(ttl)
		path = append(path, p)
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
